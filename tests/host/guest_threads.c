#include "guest_threads.h"

#include <platform/domain.h>
#include <platform/vcpu.h>
#include <runtime/pages.h>

#include "thread_priv.h"

/* What the linker script of a guest image defines: an image of thread-local storage. */
extern const char tls_image_start[];
const char tls_image_start[64] = "TLSimage";

/*
 * AddressSanitizer cleans up after calls that do not return, if it knows the stack; it does not know
 * the guest's, says so each time, and has nothing to clean there (asan-stack=0).
 */
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
}

static void (*threads_body)(void);

static void threads_main(void *arg)
{
    (void)arg;
    threads_body();
    domain_shutdown(DOMAIN_POWEROFF);
}

static void threads_boot(void)
{
    struct thread_attr attr = { .name = "main", .id = THREAD_MAIN };
    struct thread *thread;

    CHECK_EQ(thread_create(&attr, threads_main, NULL, &thread), 0);
    thread_idle();
}

void run_threads(void (*body)(void))
{
    threads_body = body;
    fakexen_start(NULL);
    pages_start();
    thread_start();
    fakexen_mark_clean();
    fakexen_ignore_pages();
    CHECK_EQ(fakexen_ends(threads_boot), SHUTDOWN_poweroff);
}

void busy(uint64_t ns)
{
    CHECK(!vcpu_upcalls_masked());
    fakexen_advance(ns);
}

struct thread *spawn(void (*entry)(void *), void *arg)
{
    struct thread_attr attr = { .stack_size = 16384 };
    struct thread *thread;

    CHECK_EQ(thread_create(&attr, entry, arg, &thread), 0);
    return thread;
}

void join(struct thread *thread)
{
    while (*(volatile enum thread_state *)&thread->state != THREAD_DEAD)
        thread_sleep_until(fakexen_now() + 1000);
    thread_reap(thread);
}
