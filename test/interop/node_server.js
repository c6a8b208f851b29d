// SPDX-License-Identifier: BSL-1.0
// The five endpoints on Node's https module: a server that shares no line with this project.
//
//   node node_server.js CERTIFICATE KEY      prints its port, ends with its standard input
'use strict';
const fs = require('fs');
const https = require('https');

const [certificate, key] = process.argv.slice(2).map((name) => fs.readFileSync(name));
const rooms = new Map();

function answer(response, status, body) {
    if (body === undefined) return response.writeHead(status).end();
    // No Content-Length: Node answers in chunks.
    response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
    const text = JSON.stringify(body);
    response.write(text.slice(0, text.length / 2));
    response.end(text.slice(text.length / 2));
}

function fail(response, status, ...message) {
    answer(response, status, { statusCode: status, message, error: 'rejected' });
}

function change(response, body, member, valid) {
    const room = rooms.get(body.roomId);
    if (!valid) return fail(response, 400, `${member} is not valid`);
    if (!room) return fail(response, 404, 'no such room');
    room[member] = body[member];
    answer(response, 200, room);
}

function handle(request, response, body) {
    if (request.headers['authorization'] !== 'Bearer sandbox') return fail(response, 401, 'who are you?');
    if (request.headers['x-api-key'] !== 'sandbox') return fail(response, 403, 'not your project');
    if (request.headers['accept'] !== 'application/json') return fail(response, 406, 'accept is missing');
    if (request.headers['content-type'] !== 'application/json') return fail(response, 415, 'not JSON');

    switch (`${request.method} ${request.url}`) {
    case 'POST /external/room':
        if (typeof body.roomId !== 'string' || typeof body.name !== 'string' || typeof body.about !== 'string' ||
            typeof body.isSpeak !== 'boolean') return fail(response, 400, 'a member is missing');
        if (rooms.has(body.roomId)) return fail(response, 409, 'the room exists');
        rooms.set(body.roomId, { ...body, status: body.startTime ? 'SOON' : 'LIVE' });
        return answer(response, 201, rooms.get(body.roomId));
    case 'POST /external/room/speak':
        return change(response, body, 'isSpeak', typeof body.isSpeak === 'boolean');
    case 'POST /external/room/status':
        return change(response, body, 'status', ['LIVE', 'SOON', 'ENDED', 'DISABLED'].includes(body.status));
    }

    const path = /^\/external\/room\/([^/?]+)$/.exec(request.url);
    const id = path && decodeURIComponent(path[1]);
    if (!path || !rooms.has(id)) return fail(response, 404, 'no such room');
    if (request.method === 'GET') return answer(response, 200, rooms.get(id));
    if (request.method !== 'DELETE') return fail(response, 405, 'no such method');
    rooms.delete(id);
    answer(response, 204);
}

const server = https.createServer({ cert: certificate, key }, (request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
        let body = {};
        try {
            if (chunks.length) body = JSON.parse(Buffer.concat(chunks).toString());
        } catch {
            return fail(response, 400, 'not JSON');
        }
        handle(request, response, body);
    });
});
server.maxRequestsPerSocket = 50;
server.keepAliveTimeout = 1000;
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
