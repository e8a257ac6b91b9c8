/*
 * signal_deliver: what a thread does about the signals that it takes: handlers and default actions.
 */
#include "signal_core.h"

#include <stddef.h>
#include <stdlib.h>

#include <runtime/shutdown.h>

#include "process/abort.h"
#include "devices/file_console.h"
#include "interrupt.h"
#include "threads/resume.h"
#include "signal_default.h"
#include "threads/thread_end.h"

/* signal_call.S. */
void signal_call_on(void *top, void (*function)(void *), void *arg);

struct signal_call {
    const struct sigaction *action;
    siginfo_t *info;
    ucontext_t *context;
};

static void signal_invoke(void *arg)
{
    struct signal_call *call = arg;

    if ((call->action->sa_flags & SA_SIGINFO) != 0)
        call->action->sa_sigaction(call->info->si_signo, call->info, call->context);
    else
        call->action->sa_handler(call->info->si_signo);
}

static bool signal_on_alternate(const struct posix_thread *self)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t base = (uintptr_t)self->alternate.ss_sp;

    return (self->alternate.ss_flags & SS_DISABLE) == 0 && here - base < self->alternate.ss_size;
}

/* Run one handler in the given context; the mask is what the context says afterwards. */
static void signal_call_handler(struct posix_thread *self, struct signal_call *call)
{
    const struct sigaction *action = call->action;
    signal_set_t blocked = self->blocked | signal_set_of(&action->sa_mask);

    if ((action->sa_flags & SA_NODEFER) == 0)
        blocked |= SIGNAL_BIT(call->info->si_signo);
    signal_set_put(&call->context->uc_sigmask, self->blocked);
    call->context->uc_stack = self->alternate;
    signal_block(self, blocked);
    if ((action->sa_flags & SA_ONSTACK) != 0 && (self->alternate.ss_flags & SS_DISABLE) == 0 &&
        !signal_on_alternate(self))
        signal_call_on((char *)self->alternate.ss_sp + self->alternate.ss_size, signal_invoke,
                       call);
    else
        signal_invoke(call);
    signal_block(self, signal_set_of(&call->context->uc_sigmask));
}

/* The handler interrupts its own thread here, in C: setcontext() with this context comes back here.
 */
static void signal_call_here(struct posix_thread *self, struct signal_call *call)
{
    volatile bool called = false;
    ucontext_t context;

    getcontext(&context);
    if (called)
        return;
    called = true;
    context.uc_flags = 0;
    context.uc_link = NULL;
    call->context = &context;
    signal_call_handler(self, call);
}

/* What to do about a signal, decided once: SA_RESETHAND means that the next one finds the default.
 */
static struct sigaction signal_disposition(int number)
{
    bool was_masked = spin_lock(&signals.lock);
    struct sigaction action = signals.action[number];

    if ((action.sa_flags & (int)SA_RESETHAND) != 0 && number != SIGILL && number != SIGTRAP) {
        signals.action[number].sa_handler = SIG_DFL;
        signals.action[number].sa_flags &= ~SA_SIGINFO;
    }
    spin_unlock(&signals.lock, was_masked);
    return action;
}

/* The default action; xl's request to end is no fault, and ends with status 0. */
static void signal_do_default(const siginfo_t *info)
{
    if (info->si_signo == SIGTERM && info->si_code == SI_KERNEL)
        shutdown_exit(0);
    signal_default(info->si_signo);
}

static bool signal_act(struct posix_thread *self, const siginfo_t *info, ucontext_t *context,
                       struct signal_outcome *outcome)
{
    struct sigaction action = signal_disposition(info->si_signo);
    siginfo_t copy = *info;
    struct signal_call call = { .action = &action, .info = &copy, .context = context };

    if (action.sa_handler == SIG_IGN)
        return false;
    if (action.sa_handler == SIG_DFL) {
        signal_do_default(info);
        return false;
    }
    outcome->handlers++;
    self->handled++;
    if ((action.sa_flags & SA_RESTART) == 0)
        outcome->restart = false;
    if (context != NULL)
        signal_call_handler(self, &call);
    else
        signal_call_here(self, &call);
    return true;
}

struct signal_outcome signal_run(struct posix_thread *self, ucontext_t *context)
{
    struct signal_outcome outcome = { .handlers = 0, .restart = true };

    /* What woke us, or was to; a cancellation must still be noticed by the next wait. */
    thread_take_interrupt();
    if (posix_thread_cancelled(self))
        thread_interrupt(self->thread);
    while (signal_due(self) != 0) {
        siginfo_t info;
        bool was_masked = spin_lock(&signals.lock);
        int number = signal_take(self, ~self->blocked, &info);

        spin_unlock(&signals.lock, was_masked);
        if (number != 0)
            signal_act(self, &info, context, &outcome);
    }
    return outcome;
}

bool signal_run_taken(struct posix_thread *self, const siginfo_t *info, ucontext_t *context)
{
    struct signal_outcome outcome = { .handlers = 0, .restart = true };

    return signal_act(self, info, context, &outcome);
}

void signal_run_due(void)
{
    struct posix_thread *self = signal_self();

    if (self != NULL && !signal_held(self) && signal_due(self) != 0)
        signal_run(self, NULL);
}

void signal_set_mask(struct posix_thread *self, signal_set_t blocked)
{
    signal_block(self, blocked);
    if (!signal_held(self) && signal_due(self) != 0)
        signal_run(self, NULL);
}

/* ---- interrupt.h ---- */

bool signal_restart(void)
{
    struct posix_thread *self = signal_self();
    struct signal_outcome outcome;

    if (self == NULL)
        return false;
    outcome = signal_run(self, NULL);
    return outcome.restart && !posix_thread_cancelled(self);
}

bool signal_wait_begin(const sigset_t *mask, sigset_t *saved)
{
    struct posix_thread *self = posix_self();

    signal_set_put(saved, self->blocked);
    signal_block(self, signal_set_of(mask));
    return signal_due(self) != 0;
}

void signal_wait_end(const sigset_t *saved)
{
    struct posix_thread *self = posix_self();

    if (signal_due(self) != 0)
        signal_run(self, NULL);
    signal_set_mask(self, signal_set_of(saved));
}

void signal_release(void)
{
    signal_run_due();
}

/* ---- thread_end.h, abort.h, file_console.h ---- */

void thread_end_signals(struct posix_thread *self)
{
    siginfo_t info;
    bool was_masked = spin_lock(&signals.lock);

    self->blocked = ~(signal_set_t)0; /* it takes no more of the process's */
    signal_give_back(self);
    while (signal_take(self, self->pending, &info) != 0)
        continue;
    spin_unlock(&signals.lock, was_masked);
}

void signal_abort(void)
{
    struct posix_thread *self = posix_self();
    siginfo_t info = { .si_signo = SIGABRT, .si_code = SI_TKILL };

    signal_set_mask(self, self->blocked & ~SIGNAL_BIT(SIGABRT));
    signal_run_taken(self, &info, NULL);
}

void signal_from_terminal(int number)
{
    siginfo_t info = { .si_signo = number, .si_code = SI_KERNEL };

    signal_post(NULL, &info, NULL);
}

/* ---- xl shutdown ---- */

/* On a thread of the runtime, which takes no signals itself. */
static void signal_on_request(const char *request)
{
    siginfo_t info = { .si_signo = SIGTERM, .si_code = SI_KERNEL };

    if (strcmp(request, "poweroff") == 0 || strcmp(request, "halt") == 0)
        signal_post(NULL, &info, NULL);
}

__attribute__((constructor(101))) static void signal_start(void)
{
    pthread_self(); /* main becomes known */
    resume_watch();
    shutdown_set_request_handler(signal_on_request);
}
