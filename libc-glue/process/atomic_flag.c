/* atomic_flag: the functions behind <stdatomic.h>'s macros, for programs that undefine the macros. */
#include <stdatomic.h>

#undef atomic_flag_test_and_set
#undef atomic_flag_test_and_set_explicit
#undef atomic_flag_clear
#undef atomic_flag_clear_explicit
#undef atomic_thread_fence
#undef atomic_signal_fence

_Bool atomic_flag_test_and_set(volatile atomic_flag *flag)
{
    return __atomic_test_and_set(flag, __ATOMIC_SEQ_CST);
}

/* The strongest order does for all: what the caller asks for is known at run time only. */
_Bool atomic_flag_test_and_set_explicit(volatile atomic_flag *flag, memory_order order)
{
    (void)order;
    return __atomic_test_and_set(flag, __ATOMIC_SEQ_CST);
}

void atomic_flag_clear(volatile atomic_flag *flag)
{
    __atomic_clear(flag, __ATOMIC_SEQ_CST);
}

void atomic_flag_clear_explicit(volatile atomic_flag *flag, memory_order order)
{
    (void)order;
    __atomic_clear(flag, __ATOMIC_SEQ_CST);
}

void atomic_thread_fence(memory_order order)
{
    (void)order;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void atomic_signal_fence(memory_order order)
{
    (void)order;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}
