/*
 * stack_chk: what code compiled with -fstack-protector calls and reads.
 */
#include <stddef.h>
#include <stdint.h>

#include <runtime/panic.h>

/* For compilers that keep the canary here; start.c gives it a random value. */
uintptr_t __stack_chk_guard = 0xff0a0d00;

void __stack_chk_fail(void) __attribute__((noreturn));

void __stack_chk_fail(void)
{
    panic_program("stack smashing detected", NULL, 0);
}
