/*
 * The order of a program's beginning and end: pre-initialisers, constructors by priority, main, atexit
 * handlers newest first, destructors by priority, and then what stdio still holds.
 */
#include "check.h"

static char order[32];
static unsigned n_order;

static void step(char what)
{
    order[n_order++] = what;
}

static void preinit(int argc, char **argv, char **envp)
{
    CHECK(argc == 1 && argv[0] != NULL && envp != NULL);
    step('p');
}
__attribute__((section(".preinit_array"), used)) static void (*const preinit_entry)(int, char **,
                                                                                   char **) = preinit;

static __attribute__((constructor(201))) void second(void)
{
    step('2');
}

static __attribute__((constructor(101))) void first(int argc, char **argv)
{
    CHECK(argc == 1 && argv[1] == NULL);
    step('1');
}

static __attribute__((constructor)) void last(void)
{
    step('3');
}

static __attribute__((destructor(101))) void verdict(void)
{
    step('V');
    if (strcmp(order, "p123mbaxyV") == 0)
        printf("PASS"); /* without a newline: still in stdio's buffer here */
    else
        printf("FAIL the order was %s", order);
}

static __attribute__((destructor(201))) void destructor_y(void)
{
    step('y');
}

static __attribute__((destructor)) void destructor_x(void)
{
    step('x');
}

static void handler_a(void)
{
    step('a');
}

static void handler_b(void)
{
    step('b');
}

int main(void)
{
    step('m');
    CHECK_EQ(atexit(handler_a), 0);
    CHECK_EQ(atexit(handler_b), 0);
    return 0;
}
