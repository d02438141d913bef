/* What a program's processes have used: processor time with nanoseconds, memory. */
#pragma once
#include <stdint.h>

#define MOST_PROCESSES 64

int64_t now(void);                       /* CLOCK_MONOTONIC, nanoseconds */
void usage_of(const char *pids);         /* whose: process ids, separated by commas */
int64_t cpu_used(void);                  /* nanoseconds of all of them so far, user and system */
void cpu_split(double *user, double *system); /* seconds, as coarse as the kernel's ticks */
long resident_kib(void);
int64_t own_cpu(void);                   /* nanoseconds of this process */
