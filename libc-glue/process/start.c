/*
 * start: from the runtime's launch to main() and back: constructors, main, exit.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <platform/vcpu.h>
#include <runtime/shutdown.h>

#include "memory/heap_cache.h"
#include "signals/interrupt.h"
#include "start.h"

typedef void (*start_function_t)(int argc, char **argv, char **envp);

/* The linker script's. */
extern const start_function_t __preinit_array_start[], __preinit_array_end[];
extern const start_function_t __init_array_start[], __init_array_end[];
extern void (*const __fini_array_start[])(void), (*const __fini_array_end[])(void);

/* C++ names the object that a destructor belongs to; there is only one. */
void *__dso_handle;

char *program_invocation_name = (char *)"";
char *program_invocation_short_name = (char *)"";

int main(int argc, char **argv, char **envp);

/* In the image only when something checks its stack through it: clang does, gcc reads %fs:0x28. */
extern uintptr_t __stack_chk_guard __attribute__((weak));

static void start_run(const start_function_t *at, const start_function_t *end, int argc,
                      char **argv)
{
    for (; at < end; at++)
        (*at)(argc, argv, environ);
}

/* Registered before any constructor runs, so that destructors come after all atexit handlers. */
static void start_destructors(void)
{
    size_t n = (size_t)(__fini_array_end - __fini_array_start);

    while (n-- > 0)
        __fini_array_start[n]();
}

static void __attribute__((optimize("no-stack-protector"))) start_guard(void)
{
    uint64_t random;

    if (&__stack_chk_guard != NULL && vcpu_random(&random))
        __stack_chk_guard = random & ~(uint64_t)0xff; /* a string's end stops before it */
}

void program_main(int argc, char **argv, char **envp)
{
    const char *slash = strrchr(argv[0], '/');

    start_guard();
    if (heap_cache_start != NULL)
        heap_cache_start();
    environ = envp;
    program_invocation_name = argv[0];
    program_invocation_short_name = slash != NULL ? (char *)(uintptr_t)(slash + 1) : argv[0];
    if (&__fini_array_start[0] != &__fini_array_end[0])
        atexit(start_destructors);
    start_run(__preinit_array_start, __preinit_array_end, argc, argv);
    start_run(__init_array_start, __init_array_end, argc, argv);
    exit(main(argc, argv, environ));
}

void _exit(int status)
{
    interrupt_hold(); /* no handler has anything to do any more */
    shutdown_exit(status & 255);
}
