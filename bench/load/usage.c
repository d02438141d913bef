/* What a program's processes have used.
 *
 * clock_getcpuclockid(3) counts a whole process, threads that have ended included, to the
 * nanosecond; proc_pid_stat(5), which alone divides user from system, counts in hundredths.
 */
#define _GNU_SOURCE
#include "usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int processes[MOST_PROCESSES];
static clockid_t clocks[MOST_PROCESSES];
static int count;

static int64_t read_clock(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) < 0) return 0;
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t now(void) { return read_clock(CLOCK_MONOTONIC); }

int64_t own_cpu(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

void usage_of(const char *pids) {
    char *list = strdup(pids), *rest = list;
    for (char *word; count < MOST_PROCESSES && (word = strsep(&rest, ","));) {
        processes[count] = atoi(word);
        if (clock_getcpuclockid(processes[count], &clocks[count]) == 0) count++;
    }
    free(list);
}

int64_t cpu_used(void) {
    int64_t sum = 0;
    for (int i = 0; i < count; i++) sum += read_clock(clocks[i]);
    return sum;
}

void cpu_split(double *user, double *system) {
    double tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    *user = *system = 0;
    for (int i = 0; i < count; i++) {
        char path[64], text[1024];
        snprintf(path, sizeof path, "/proc/%d/stat", processes[i]);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        fclose(file);
        unsigned long in_user = 0, in_system = 0;
        const char *after_name = strrchr(text, ')');
        if (after_name)
            sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &in_user, &in_system);
        *user += (double)in_user * tick;
        *system += (double)in_system * tick;
    }
}

long resident_kib(void) {
    long pages = 0;
    for (int i = 0; i < count; i++) {
        char path[64];
        long resident = 0;
        snprintf(path, sizeof path, "/proc/%d/statm", processes[i]);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        if (fscanf(file, "%*d %ld", &resident) == 1) pages += resident;
        fclose(file);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}
