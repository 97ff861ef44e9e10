#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

#include <stddef.h>

/// How many times this process has asked for memory: malloc(3), calloc, realloc and the aligned ones. 0 under a
/// sanitizer, which has an allocator of its own.
size_t callocations_count(void);

#endif
