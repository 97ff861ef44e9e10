// sched_getaffinity(2) and its sets are GNU extensions; see accept.c.
#define _GNU_SOURCE
#include "CEpoll.h"

#include <sched.h>
#include <unistd.h>

int cepoll_processors(void) {
    // The kernel refuses a set that is smaller than its own: begin with glibc's 1024 processors, end with the most there
    // can be.
    for (int size = CPU_SETSIZE; size <= 1 << 16; size *= 2) {
        cpu_set_t *set = CPU_ALLOC(size);
        if (!set) break;
        int failed = sched_getaffinity(0, CPU_ALLOC_SIZE(size), set);
        int count = failed ? 0 : CPU_COUNT_S(CPU_ALLOC_SIZE(size), set);
        CPU_FREE(set);
        if (count > 0) return count;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}
