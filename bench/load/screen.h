/* One screen: a WebSocket that is opened, says one text, and counts the frames that come. */
#pragma once
#include <openssl/ssl.h>
#include <stdint.h>

enum step { NOT_BEGUN, CONNECTING, HANDSHAKING, UPGRADING, OPEN, GONE };

struct screen {
    int number;
    int socket;
    SSL *tls; /* NULL without */
    enum step step;
    int64_t frames;  /* data frames that came whole */
    int64_t arrived; /* when the last of them did, nanoseconds of CLOCK_MONOTONIC */
    char *answer;    /* to the upgrade, until it is whole */
    int answered;
    unsigned char head[14]; /* of the frame that is coming */
    int head_bytes;
    uint64_t awaited; /* bytes of its payload still to come */
    unsigned char control[125]; /* payload of a ping */
    int control_bytes;
};

struct door {
    const char *host;
    int port;
    const char *path;
    SSL_CTX *tls; /* NULL without */
};

extern int screens_open, screens_lost; /* how many are now, and were */

int screen_begin(struct screen *screen, const struct door *door, int epoll);
void screen_go_on(struct screen *screen, const struct door *door, int epoll);
int screen_say(struct screen *screen, const char *text);
