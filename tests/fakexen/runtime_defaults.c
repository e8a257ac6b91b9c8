/* What the platform asks of the runtime, for tests that do not link it. */
#include <platform/runtime.h>
#include <platform/spinlock.h>
#include <runtime/panic.h>

#include <stdarg.h>
#include <stdio.h>

#include "fakexen_priv.h"

__attribute__((weak)) bool runtime_want_switch(void)
{
    return false;
}

__attribute__((weak)) void runtime_preempt(void)
{
}

__attribute__((weak)) void runtime_panic(const char *what, long value)
{
    fakexen_fail(__FILE__, __LINE__, "panic: %s: %ld", what, value);
}

__attribute__((weak)) void panic(const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fakexen_fail(__FILE__, __LINE__, "panic: %s", text);
}

__attribute__((weak)) void spinlock_deadlock(const struct spinlock *lock)
{
    fakexen_fail(__FILE__, __LINE__, "the lock \"%s\" is taken twice", lock->name);
}
