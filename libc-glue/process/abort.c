/*
 * abort: the end of a program that gave up: a signal when the program deals in signals, else a crash
 * report at once. Nothing is flushed.
 */
#include "abort.h"

#include <stddef.h>
#include <stdlib.h>

#include <runtime/panic.h>

void abort(void)
{
    if (signal_abort != NULL)
        signal_abort();
    panic_program("abort() called", NULL, 0);
}
