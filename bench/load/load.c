/* A crowd of screens on one core: opens them, has them subscribe, and watches each frame arrive.
 *
 *     load --port N [--tls] --sizes 100,1000,5000 --frames K --interval SECONDS --texts FILE
 *          --pids PID,PID [--path /...] [--host 127.0.0.1]
 *
 * All are opened first; then, size by
 * size, so many have subscribed by saying a line of FILE (the n-th screen the n-th line, from the
 * start again after the last). A server sends its frame at each multiple of the interval on
 * CLOCK_MONOTONIC. The CPU of the server's processes is read a moment before each, so a round is one
 * frame to everybody and whatever else the server does meanwhile. It never blocks while it waits for
 * frames but polls with short naps, so that a server does not pay for waking it. One JSON object
 * comes out; times are milliseconds after the multiple of the interval.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "screen.h"
#include "usage.h"

#define AT_ONCE 64 /* screens that are being opened */
#define PATIENCE 60000000000LL
#define NAP 50000
#define MOST_SIZES 16

static struct door door = {.host = "127.0.0.1", .path = "/"};
static struct screen *screens;
static int epoll, begun, sizes[MOST_SIZES], how_many_sizes;
static char **texts;
static int how_many_texts;

static int turn(int milliseconds) {
    static struct epoll_event events[1024];
    int ready = epoll_wait(epoll, events, 1024, milliseconds);
    for (int i = 0; i < ready; i++) screen_go_on(events[i].data.ptr, &door, epoll);
    return ready;
}

static void poll_until(int64_t moment) {
    while (now() < moment)
        if (turn(0) <= 0) nanosleep(&(struct timespec){0, NAP}, NULL);
}

static void fail(const char *why) {
    printf("\n{\"failed\": \"%s\"}\n", why);
    exit(1);
}

/* Open screens up to this number; prints what that took. */
static void open_upto(int upto) {
    long before = resident_kib();
    int64_t cpu = cpu_used(), began = now(), deadline = began + PATIENCE;
    int first = begun;
    while (screens_open < upto) {
        while (begun < upto && begun - screens_open < AT_ONCE)
            if (screen_begin(&screens[begun++], &door, epoll) < 0) fail("a socket could not be opened");
        turn(10);
        if (screens_lost) fail("a connection was lost while it was opened");
        if (now() > deadline) fail("not all connections were opened in time");
    }
    double seconds = (double)(now() - began) / 1e9;
    usleep(50000);
    printf("\"opened\": {\"clients\": %d, \"seconds\": %.4f, \"cpu_ms\": %.3f, \"resident_before_kib\": %ld, "
           "\"resident_after_kib\": %ld}, ",
           upto - first, seconds, (double)(cpu_used() - cpu) / 1e6, before, resident_kib());
}

/* Have the screens from one number to another say their line, and wait for a frame at each. */
static void subscribe(int from, int upto) {
    int64_t cpu = cpu_used(), began = now(), deadline = began + PATIENCE;
    for (int i = from; i < upto; i++) {
        if (screen_say(&screens[i], texts[i % how_many_texts]) < 0) fail("a screen could not speak");
        if (i % 64 == 0) turn(0);
    }
    for (int waiting = from; waiting < upto;) {
        turn(10);
        while (waiting < upto && screens[waiting].frames > 0) waiting++;
        if (screens_lost) fail("a connection was lost at its first word");
        if (now() > deadline) fail("not everybody got a first frame in time");
    }
    printf("\"subscribed\": {\"clients\": %d, \"seconds\": %.4f, \"cpu_ms\": %.3f}, ", upto - from,
           (double)(now() - began) / 1e9, (double)(cpu_used() - cpu) / 1e6);
}

static int ascending(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* One frame to everybody: from a moment before the beat to a moment before the next. */
static void round_of(int size, int64_t beat, int64_t interval, int64_t ahead, double *delays, const char *comma) {
    int64_t cpu = cpu_used();
    for (int i = 0; i < size; i++) screens[i].frames = 0;
    poll_until(beat + interval - ahead);
    int64_t used = cpu_used() - cpu;
    int got = 0, extra = 0;
    for (int i = 0; i < size; i++) {
        if (screens[i].frames > 0) delays[got++] = (double)(screens[i].arrived - beat) / 1e6;
        if (screens[i].frames > 1) extra += (int)screens[i].frames - 1;
    }
    qsort(delays, got, sizeof *delays, ascending);
    printf("%s{\"cpu_ms\": %.4f, \"got\": %d, \"extra\": %d, \"first_ms\": %.3f, \"median_ms\": %.3f, \"last_ms\": %.3f}",
           comma, (double)used / 1e6, got, extra, got ? delays[0] : 0.0, got ? delays[got / 2] : 0.0,
           got ? delays[got - 1] : 0.0);
}

static void stream(int size, int frames, int64_t interval) {
    int64_t ahead = interval / 20, beat = (now() / interval + 2) * interval;
    double *delays = calloc(size, sizeof *delays), user, system, user_after, system_after;
    poll_until(beat - ahead);
    cpu_split(&user, &system);
    int64_t own = own_cpu(), began = now();
    printf("\"rounds\": [");
    for (int i = 0; i < frames; i++, beat += interval) round_of(size, beat, interval, ahead, delays, i ? ", " : "");
    cpu_split(&user_after, &system_after);
    printf("], \"user_s\": %.2f, \"system_s\": %.2f, \"resident_kib\": %ld, \"load_busy\": %.3f, \"lost\": %d",
           user_after - user, system_after - system, resident_kib(),
           (double)(own_cpu() - own) / (double)(now() - began), screens_lost);
    free(delays);
}

static void read_texts(const char *path) {
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    if (!file) fail("the texts cannot be read");
    for (ssize_t length; (length = getline(&line, &room, file)) > 0;) {
        if (line[length - 1] == '\n') line[length - 1] = 0;
        texts = realloc(texts, (how_many_texts + 1) * sizeof *texts);
        texts[how_many_texts++] = strdup(line);
    }
    fclose(file);
    if (!how_many_texts) fail("there are no texts");
}

static SSL_CTX *make_tls(void) {
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256"); /* one for every server */
    SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    return tls;
}

int main(int count, char **words) {
    static const struct option options[] = {
        {"port", 1, 0, 'p'}, {"tls", 0, 0, 't'},   {"sizes", 1, 0, 's'}, {"frames", 1, 0, 'f'}, {"interval", 1, 0, 'i'},
        {"texts", 1, 0, 'x'}, {"pids", 1, 0, 'c'}, {"path", 1, 0, 'u'},  {"host", 1, 0, 'h'},
        {0, 0, 0, 0}};
    int frames = 10;
    double interval = 0.1;
    for (int option; (option = getopt_long(count, words, "", options, NULL)) != -1;) switch (option) {
            case 'p': door.port = atoi(optarg); break;
            case 't': door.tls = make_tls(); break;
            case 's':
                for (char *word; how_many_sizes < MOST_SIZES && (word = strsep(&optarg, ","));)
                    sizes[how_many_sizes++] = atoi(word);
                break;
            case 'f': frames = atoi(optarg); break;
            case 'i': interval = atof(optarg); break;
            case 'x': read_texts(optarg); break;
            case 'c': usage_of(optarg); break;
            case 'u': door.path = optarg; break;
            case 'h': door.host = optarg; break;
            default: return 2;
        }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    int most = how_many_sizes ? sizes[how_many_sizes - 1] : 0;
    if (!most || !how_many_texts) fail("no sizes or no texts");
    screens = calloc(most, sizeof *screens);
    for (int i = 0; i < most; i++) screens[i].number = i;
    epoll = epoll_create1(EPOLL_CLOEXEC);

    printf("{");
    open_upto(most);
    printf("\"sizes\": [");
    for (int i = 0; i < how_many_sizes; i++) {
        printf("%s{\"size\": %d, ", i ? ", " : "", sizes[i]);
        subscribe(i ? sizes[i - 1] : 0, sizes[i]);
        stream(sizes[i], frames, (int64_t)(interval * 1e9));
        printf("}");
    }
    printf("]}\n");
    return 0;
}
