// SPDX-License-Identifier: BSL-1.0
#include <watchers/rooms/impl/sansio/error_sentence.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace watchers::rooms::detail;

TEST_CASE("fault_62_sentences_that_say_that_the_project_is_unknown")
{
    for (const char* said : {
             "Project not found",
             "PROJECT_NOT_FOUND",
             "project-not-found",
             "ProjectNotFoundException",
             "Error: Project not found!",
             "Not found: project",
             "Project was not found.",
             "The project could not be found",
             "Project does not exist",
             "Project does not exists",
             "Project with this key does not exists",
             "Project doesn't exist",
             "Project doesn\xE2\x80\x99t exist",
             "No such project",
             "There is no project with this key",
             "No project found for key abc",
             "Unknown project",
             "Invalid project key",
             "Could not find any project with this API key",
             "Couldn't find the project",
             "Cannot find project",
             "Project 'x' not found for room 'y'",
             "API key not found",
             "Invalid API key",
             "invalid api-key",
             "x-api-key is invalid",
             "apiKey is not valid",
             "The API key was revoked",
         }) {
        CAPTURE(said);
        CHECK(says_project_is_unknown(said));
        CHECK(gives_another_reason(said));
        CHECK_FALSE(says_room_exists(said));
    }
}

TEST_CASE("fault_62_sentences_that_do_not_say_that_the_project_is_unknown")
{
    for (const char* said : {
             "",
             "Not Found",
             "Room not found",
             "Room not found in this project",
             "There is no such room in the project",
             "Could not find room in project 12",
             "Room 'Project not found' not found",
             "\"Project not found\": no such room",
             "Room with id project does not exist",
             "project:final not found",
             "project-x not found",
             "Project found",
             "The project is fine",
             "no such room",
         }) {
        CAPTURE(said);
        CHECK_FALSE(says_project_is_unknown(said));
    }
}

TEST_CASE("fault_68_sentences_that_say_that_the_room_exists")
{
    for (const char* said : {
             "Room already exists",
             "Room ALREADY EXISTS",
             "ROOM_ALREADY_EXISTS",
             "RoomAlreadyExistsException",
             "room with this id exists",
             "A room with this id already exists",
             "Room with id 42 already exists",
             "Room 'match-1' already exists",
             "Room brand:match already exists",
             "Room already exists in this project",
             "Room has already been created",
             "roomId already exists",
             "room_id already exists",
             "roomId is already taken",
             "roomId already in use",
             "that roomId exists",
             "it did already exist",
             "already exists",
             "entry already exists",
             "Key (room_id)=(x) already exists.",
             "Cannot create room: it already exists",
             "The room could not be created because it already exists",
             "Could not create room, id already exists",
             "Room is a duplicate",
             "Duplicate room",
             "duplicate roomId",
             "duplicate externalRoomId",
             "Duplicate key",
             "duplicate key value violates unique constraint \"rooms_pkey\"",
             "Duplicate entry 'x' for key 'rooms.room_id'",
             "E11000 duplicate key error collection: db.rooms index: roomId_1 dup key: { roomId: \"x\" }",
             "externalRoomId must be unique",
             "externalRoomId is not unique",
         }) {
        CAPTURE(said);
        CHECK(says_room_exists(said));
    }
}

TEST_CASE("fault_68_sentences_that_do_not_say_that_the_room_exists")
{
    for (const char* said : {
             "",
             "exists",
             "duplicate",
             "Room does not exist",
             "Room does not exists",
             "Room doesn't exist",
             "No room with this id exists",
             "Room no longer exists",
             "the parent does not exist",
             "Project with this key does not exists",
             "Project with this key already exists",
             "Template already exists",
             "Season already exists",
             "User already exists",
             "Room name already exists",
             "Room with this name already exists",
             "name must be unique",
             "name must not contain duplicate words",
             "must not contain duplicate words",
             "about contains duplicate words",
             "Duplicate words",
             "cannot contain duplicate ids",
             "roomId must not be duplicated",
             "roomId must not already exist",
             "property roomId should not exist",
             "if the room exists, use PUT",
             "check that the room exists",
             "Duplicate key 'about' in JSON",
             "name is 'room already exists', which is not allowed",
             "startTime must be before endTime",
         }) {
        CAPTURE(said);
        CHECK_FALSE(says_room_exists(said));
    }
}

TEST_CASE("fault_63_sentences_that_speak_of_the_credentials")
{
    for (const char* said :
         {"Invalid token", "jwt expired", "Bearer token is not valid", "The bearer is unknown",
          "Missing Authentication Token", "Missing Authorization header", "invalid credentials",
          "apiKey is not allowed here", "Project not found"}) {
        CAPTURE(said);
        CHECK(speaks_of_credentials(said));
    }
    for (const char* said : {"", "Forbidden", "Forbidden resource", "Access denied",
                             "You have no authorization to change this room", "invalid csrf token",
                             "Text contains a forbidden word: token", "Room 'Token Cup' is not allowed"}) {
        CAPTURE(said);
        CHECK_FALSE(speaks_of_credentials(said));
    }
}

TEST_CASE("fault_67_sentences_that_say_that_there_is_no_such_path")
{
    for (const char* said :
         {"Cannot GET /external/room/x", "Cannot POST /external/room", "404 page not found",
          "no Route matched with those values", "Route GET:/external/room/x not found",
          "default backend - 404", "Endpoint not found", "The requested URL was not found on this server.",
          "No static resource external/room/x."}) {
        CAPTURE(said);
        CHECK(says_route_is_unknown(said));
    }
    for (const char* said : {"", "Not Found", "Room not found", "Cannot get room", "no such room",
                             "Room 'page not found' not found", "Project not found"}) {
        CAPTURE(said);
        CHECK_FALSE(says_route_is_unknown(said));
    }
}

TEST_CASE("error_sentence_texts_of_any_kind_are_read_to_their_end")
{
    for (const std::string& said :
         {std::string("'"), std::string("a'b\"c`"), std::string("\xE2\x80"), std::string(10'000, '.'),
          std::string(10'000, 'a'), std::string("\0\x80-\xFF/", 5), std::string("-a-/:."), std::string("a:/"),
          std::string("a-")}) {
        CHECK_FALSE(says_project_is_unknown(said));
        CHECK_FALSE(says_room_exists(said));
        CHECK_FALSE(speaks_of_credentials(said));
        CHECK_FALSE(says_route_is_unknown(said));
    }
}
