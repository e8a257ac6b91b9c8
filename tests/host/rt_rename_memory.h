/* The same for the memory functions; only libc-glue/rt/memory.c sees these names. */
#ifndef RT_RENAME_MEMORY_H
#define RT_RENAME_MEMORY_H

#define memcpy  rt_test_memcpy
#define memmove rt_test_memmove
#define memset  rt_test_memset
#define memcmp  rt_test_memcmp

#endif
