/* The floor: one loop of write(2), or of SSL_write, over everybody who subscribed.
 *
 *     loop PORT INTERVAL FRAME [CERTIFICATE KEY]
 *
 * As every peer here it sends the text of the file FRAME as one WebSocket message to all who have said
 * something, at each multiple of the interval on CLOCK_MONOTONIC; who cannot take it now is skipped.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_FRAME 65536
#define LONGEST_REQUEST 4096

struct client {
    int socket, upgraded, subscribed, asked;
    SSL *tls;
    char *request;
};

static struct client **subscribers;
static int how_many, room;
static unsigned char frame[LONGEST_FRAME + 4];
static int frame_bytes;
static SSL_CTX *tls;

static void read_frame(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) exit(1);
    int length = (int)fread(frame + 4, 1, LONGEST_FRAME, file);
    fclose(file);
    if (length < 126) exit(1); /* a header of four bytes is right for the frames there are */
    frame[0] = 0x81, frame[1] = 126, frame[2] = length >> 8, frame[3] = length & 0xff;
    frame_bytes = length + 4;
}

static int take(struct client *client, void *into, int most) {
    return client->tls ? SSL_read(client->tls, into, most) : (int)recv(client->socket, into, most, 0);
}

static void give(struct client *client, const void *bytes, int count) {
    if (client->tls)
        SSL_write(client->tls, bytes, count);
    else
        (void)!write(client->socket, bytes, count);
}

static void answer(struct client *client) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    char key[128], accept[64], text[256];
    const char *found = strcasestr(client->request, "Sec-WebSocket-Key:");
    if (!found || sscanf(found + 18, " %60s", key) != 1) exit(1);
    strcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    EVP_Digest(key, strlen(key), digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)accept, digest, 20);
    give(client, text, sprintf(text, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept));
    free(client->request);
    client->request = NULL;
    client->upgraded = 1;
}

static void subscribe(struct client *client) {
    if (client->subscribed++) return;
    if (how_many == room) subscribers = realloc(subscribers, (room = room * 2 + 64) * sizeof *subscribers);
    subscribers[how_many++] = client;
}

static int is_gone(struct client *client, int got) {
    if (!client->tls) return got == 0 || errno != EAGAIN;
    int why = SSL_get_error(client->tls, got);
    return why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
}

static void hear(struct client *client) {
    char heard[LONGEST_REQUEST];
    int got;
    while ((got = take(client, heard, sizeof heard)) > 0) {
        if (client->upgraded) {
            subscribe(client);
            continue;
        }
        if (!client->request) client->request = calloc(1, LONGEST_REQUEST);
        if (client->asked + got >= LONGEST_REQUEST) exit(1);
        memcpy(client->request + client->asked, heard, got);
        client->asked += got;
        if (strstr(client->request, "\r\n\r\n")) answer(client);
    }
    if (is_gone(client, got)) {
        for (int i = 0; i < how_many; i++)
            if (subscribers[i] == client) subscribers[i--] = subscribers[--how_many];
        if (client->tls) SSL_free(client->tls);
        close(client->socket);
        free(client);
    }
}

static void publish(void) {
    for (int i = 0; i < how_many; i++) give(subscribers[i], frame, frame_bytes);
}

static void welcome(int listening, int epoll) {
    for (int socket, on = 1; (socket = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        struct client *client = calloc(1, sizeof *client);
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        client->socket = socket;
        if (tls) {
            client->tls = SSL_new(tls);
            SSL_set_fd(client->tls, socket);
            SSL_set_accept_state(client->tls);
        }
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
    }
}

static int make_timer(double interval) {
    struct timespec at;
    int64_t every = (int64_t)(interval * 1e9);
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t first = (((int64_t)at.tv_sec * 1000000000 + at.tv_nsec) / every + 1) * every;
    struct itimerspec times = {{every / 1000000000, every % 1000000000}, {first / 1000000000, first % 1000000000}};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &times, NULL);
    return timer;
}

int main(int count, char **words) {
    if (count < 4) return 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    read_frame(words[3]);
    if (count > 5) {
        tls = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
        if (SSL_CTX_use_certificate_chain_file(tls, words[4]) != 1) return 1;
        if (SSL_CTX_use_PrivateKey_file(tls, words[5], SSL_FILETYPE_PEM) != 1) return 1;
    }
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0), on = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1]))};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listening, (void *)&here, sizeof here) < 0 || listen(listening, 1024) < 0) return 1;
    int timer = make_timer(atof(words[2]));
    struct epoll_event arrivals = {.events = EPOLLIN, .data.ptr = &listening};
    struct epoll_event beats = {.events = EPOLLIN, .data.ptr = &timer};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &arrivals);
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &beats);
    for (struct epoll_event events[256];;) {
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == &timer) {
                uint64_t beat;
                if (read(timer, &beat, sizeof beat) == sizeof beat) publish();
            } else if (events[i].data.ptr == &listening) {
                welcome(listening, epoll);
            } else {
                hear(events[i].data.ptr);
            }
        }
    }
}
