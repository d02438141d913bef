/* One screen: connect, TLS, upgrade, then frames (RFC 6455 section 5.2), all without blocking.
 *
 * Each comes from one of many loopback addresses, so that ports never run out. A frame counts when
 * its last byte has been read.
 */
#define _GNU_SOURCE
#include "screen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "usage.h"

#define A_SOURCE 10000 /* screens from one loopback address */
#define LONGEST_ANSWER 4096
enum { TEXT = 0x1, CLOSE = 0x8, PING = 0x9, PONG = 0xA };

int screens_open, screens_lost;

static void lose(struct screen *screen) {
    if (screen->step == OPEN) screens_open--;
    screens_lost++;
    screen->step = GONE;
    if (screen->tls) SSL_free(screen->tls);
    screen->tls = NULL;
    close(screen->socket);
}

static void listen_for(struct screen *screen, int epoll, int how, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = screen};
    epoll_ctl(epoll, how, screen->socket, &event);
}

int screen_begin(struct screen *screen, const struct door *door, int epoll) {
    int on = 1;
    struct linger reset = {1, 0}; /* leaves no TIME_WAIT behind */
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons(door->port)};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + screen->number / A_SOURCE);
    inet_pton(AF_INET, door->host, &to.sin_addr);

    screen->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (screen->socket < 0) return -1;
    setsockopt(screen->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(screen->socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    setsockopt(screen->socket, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (bind(screen->socket, (void *)&from, sizeof from) < 0) return -1;
    if (connect(screen->socket, (void *)&to, sizeof to) < 0 && errno != EINPROGRESS) return -1;
    screen->step = CONNECTING;
    listen_for(screen, epoll, EPOLL_CTL_ADD, EPOLLOUT);
    return 0;
}

/* Bytes that came; 0 when there are none now, -1 at the end. */
static int take(struct screen *screen, void *into, int most) {
    if (!screen->tls) {
        ssize_t got = recv(screen->socket, into, most, 0);
        return got > 0 ? (int)got : got < 0 && errno == EAGAIN ? 0 : -1;
    }
    int got = SSL_read(screen->tls, into, most);
    if (got > 0) return got;
    int why = SSL_get_error(screen->tls, got);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static int give(struct screen *screen, const void *bytes, int count) {
    int gone = screen->tls ? SSL_write(screen->tls, bytes, count) : (int)send(screen->socket, bytes, count, MSG_NOSIGNAL);
    return gone == count ? 0 : -1;
}

static int give_frame(struct screen *screen, int opcode, const void *payload, size_t length) {
    static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    unsigned char frame[8 + 4096] = {0x80 | opcode};
    int head = 2;
    if (length > 4096) return -1;
    if (length < 126) {
        frame[1] = 0x80 | length;
    } else {
        frame[1] = 0x80 | 126;
        frame[2] = length >> 8;
        frame[3] = length & 0xff;
        head = 4;
    }
    memcpy(frame + head, mask, 4);
    for (size_t i = 0; i < length; i++) frame[head + 4 + i] = ((const unsigned char *)payload)[i] ^ mask[i & 3];
    return give(screen, frame, head + 4 + (int)length);
}

int screen_say(struct screen *screen, const char *text) { return give_frame(screen, TEXT, text, strlen(text)); }

static void ask_for_upgrade(struct screen *screen, const struct door *door, int epoll) {
    char request[512];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                          door->path, door->host, door->port);
    if (give(screen, request, length) < 0) {
        lose(screen);
        return;
    }
    screen->answer = malloc(LONGEST_ANSWER);
    screen->step = UPGRADING;
    listen_for(screen, epoll, EPOLL_CTL_MOD, EPOLLIN);
}

static void end_frame(struct screen *screen, int64_t at) {
    int opcode = screen->head[0] & 0xf;
    screen->head_bytes = 0;
    if (opcode < CLOSE) {
        screen->frames++;
        screen->arrived = at;
    } else if (opcode == PING) {
        give_frame(screen, PONG, screen->control, screen->control_bytes);
    }
    screen->control_bytes = 0;
}

static void read_frames(struct screen *screen, const unsigned char *bytes, int count, int64_t at) {
    while (count > 0) {
        if (screen->awaited) {
            int part = (uint64_t)count < screen->awaited ? count : (int)screen->awaited;
            if (screen->head[0] & CLOSE && screen->control_bytes + part <= 125) {
                memcpy(screen->control + screen->control_bytes, bytes, part);
                screen->control_bytes += part;
            }
            bytes += part, count -= part, screen->awaited -= part;
            if (!screen->awaited) end_frame(screen, at);
            continue;
        }
        screen->head[screen->head_bytes++] = *bytes++, count--;
        if (screen->head_bytes < 2) continue;
        uint64_t length = screen->head[1] & 0x7f;
        int further = length < 126 ? 0 : length == 126 ? 2 : 8;
        if (screen->head_bytes < 2 + further) continue;
        if (further) length = 0;
        for (int i = 0; i < further; i++) length = length << 8 | screen->head[2 + i];
        screen->awaited = length;
        if (!length) end_frame(screen, at);
    }
}

static void read_answer(struct screen *screen) {
    int got = take(screen, screen->answer + screen->answered, LONGEST_ANSWER - 1 - screen->answered);
    if (got == 0) return;
    if (got < 0) {
        lose(screen);
        return;
    }
    screen->answered += got;
    screen->answer[screen->answered] = 0;
    const char *end = strstr(screen->answer, "\r\n\r\n");
    if (!end && screen->answered < LONGEST_ANSWER - 1) return;
    if (!end || strncmp(screen->answer, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "refused: %.300s\n", screen->answer);
        lose(screen);
        return;
    }
    screen->step = OPEN;
    screens_open++;
    end += 4;
    read_frames(screen, (const unsigned char *)end, (int)(screen->answer + screen->answered - end), now());
    free(screen->answer);
    screen->answer = NULL;
}

static void shake_hands(struct screen *screen, const struct door *door, int epoll) {
    int done = SSL_do_handshake(screen->tls);
    if (done == 1) {
        ask_for_upgrade(screen, door, epoll);
        return;
    }
    switch (SSL_get_error(screen->tls, done)) {
        case SSL_ERROR_WANT_READ: listen_for(screen, epoll, EPOLL_CTL_MOD, EPOLLIN); break;
        case SSL_ERROR_WANT_WRITE: listen_for(screen, epoll, EPOLL_CTL_MOD, EPOLLOUT); break;
        default: lose(screen);
    }
}

static void find_connected(struct screen *screen, const struct door *door, int epoll) {
    int problem = 0;
    socklen_t size = sizeof problem;
    getsockopt(screen->socket, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (problem) {
        fprintf(stderr, "connect: %s\n", strerror(problem));
        lose(screen);
    } else if (!door->tls) {
        ask_for_upgrade(screen, door, epoll);
    } else {
        screen->tls = SSL_new(door->tls);
        SSL_set_fd(screen->tls, screen->socket);
        SSL_set_connect_state(screen->tls);
        screen->step = HANDSHAKING;
        shake_hands(screen, door, epoll);
    }
}

static void take_frames(struct screen *screen) {
    static unsigned char bytes[65536];
    for (;;) {
        int got = take(screen, bytes, sizeof bytes);
        if (got < 0) lose(screen);
        if (got <= 0) return;
        read_frames(screen, bytes, got, now());
        if (!screen->tls && got < (int)sizeof bytes) return;
    }
}

void screen_go_on(struct screen *screen, const struct door *door, int epoll) {
    switch (screen->step) {
        case CONNECTING: find_connected(screen, door, epoll); break;
        case HANDSHAKING: shake_hands(screen, door, epoll); break;
        case UPGRADING:
            read_answer(screen);
            if (screen->step == OPEN && screen->tls) take_frames(screen);
            break;
        case OPEN: take_frames(screen); break;
        default: break;
    }
}
