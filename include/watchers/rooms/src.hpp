// SPDX-License-Identifier: BSL-1.0
#pragma once

// The whole implementation. In separately compiled mode exactly one translation unit includes this file; in
// header-only mode the public headers do.
#include <watchers/rooms/client.hpp>

#include <watchers/rooms/impl/bulk.ipp>
#include <watchers/rooms/impl/config.ipp>
#include <watchers/rooms/impl/credentials.ipp>
#include <watchers/rooms/impl/diagnostics.ipp>
#include <watchers/rooms/impl/environment.ipp>
#include <watchers/rooms/impl/error.ipp>
#include <watchers/rooms/impl/journal.ipp>
#include <watchers/rooms/impl/journal_file.ipp>
#include <watchers/rooms/impl/operation.ipp>
#include <watchers/rooms/impl/retry.ipp>
#include <watchers/rooms/impl/room.ipp>
#include <watchers/rooms/impl/wipe.ipp>

#include <watchers/rooms/impl/sansio/classify.ipp>
#include <watchers/rooms/impl/sansio/credential_rules.ipp>
#include <watchers/rooms/impl/sansio/deadline_queue.ipp>
#include <watchers/rooms/impl/sansio/error_body.ipp>
#include <watchers/rooms/impl/sansio/error_sentence.ipp>
#include <watchers/rooms/impl/sansio/happy_eyeballs.ipp>
#include <watchers/rooms/impl/sansio/journal_format.ipp>
#include <watchers/rooms/impl/sansio/json_text.ipp>
#include <watchers/rooms/impl/sansio/operation_reader.ipp>
#include <watchers/rooms/impl/sansio/origin.ipp>
#include <watchers/rooms/impl/sansio/percent.ipp>
#include <watchers/rooms/impl/sansio/pool_core.ipp>
#include <watchers/rooms/impl/sansio/redaction.ipp>
#include <watchers/rooms/impl/sansio/request_builder.ipp>
#include <watchers/rooms/impl/sansio/response_reader.ipp>
#include <watchers/rooms/impl/sansio/retry_after.ipp>
#include <watchers/rooms/impl/sansio/retry_fsm.ipp>
#include <watchers/rooms/impl/sansio/retry_rules.ipp>
#include <watchers/rooms/impl/sansio/room_builder.ipp>
#include <watchers/rooms/impl/sansio/room_identity.ipp>
#include <watchers/rooms/impl/sansio/room_order.ipp>
#include <watchers/rooms/impl/sansio/room_synthesis.ipp>
#include <watchers/rooms/impl/sansio/time_text.ipp>
#include <watchers/rooms/impl/sansio/utf8.ipp>
#include <watchers/rooms/impl/sansio/validate.ipp>

#include <watchers/rooms/impl/io/bulk_run.ipp>
#include <watchers/rooms/impl/io/bulk_run_end.ipp>
#include <watchers/rooms/impl/io/bulk_run_operations.ipp>
#include <watchers/rooms/impl/io/call.ipp>
#include <watchers/rooms/impl/io/call_attempt.ipp>
#include <watchers/rooms/impl/io/call_waiting.ipp>
#include <watchers/rooms/impl/io/connection.ipp>
#include <watchers/rooms/impl/io/credential_source.ipp>
#include <watchers/rooms/impl/io/engine.ipp>
#include <watchers/rooms/impl/io/engine_pool.ipp>
#include <watchers/rooms/impl/io/opener.ipp>
#include <watchers/rooms/impl/io/throttle_gate.ipp>
#include <watchers/rooms/impl/io/tls_context.ipp>
#include <watchers/rooms/impl/io/tls_session.ipp>

#include <watchers/rooms/impl/client.ipp>
