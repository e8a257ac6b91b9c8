/* signal_thread: signals to one thread, and signals that carry a value. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "process/result.h"
#include "signal_core.h"

static int signal_to_thread(struct posix_thread *thread, int number)
{
    siginfo_t info = { .si_signo = number, .si_code = SI_TKILL };
    int error = 0;

    info.si_pid = getpid();
    if (number < 0 || number >= NSIG)
        return -EINVAL;
    bool was_masked = spin_lock(&signals.lock);
    if (number != 0 && thread->ended == 0) /* one that has ended has no use for it */
        error = signal_post_locked(thread, &info, NULL);
    spin_unlock(&signals.lock, was_masked);
    signal_run_due();
    return error;
}

int pthread_kill(pthread_t id, int number)
{
    struct posix_thread *thread = posix_thread_of(id);

    return thread == NULL ? ESRCH : -signal_to_thread(thread, number);
}

struct signal_tid {
    unsigned id;
    struct posix_thread *found;
};

static void signal_match_tid(struct thread *thread, void *arg)
{
    struct signal_tid *search = arg;

    if (thread->id == search->id)
        search->found = thread == posix_main()->thread ? posix_main() : thread->posix;
}

int tgkill(pid_t pid, pid_t tid, int number)
{
    struct signal_tid search = { .id = (unsigned)tid };

    if (pid <= 0 || tid <= 0)
        return (int)result(-EINVAL);
    thread_for_each(signal_match_tid, &search);
    if (pid != getpid() || search.found == NULL)
        return (int)result(-ESRCH);
    return (int)result(signal_to_thread(search.found, number));
}

int pthread_sigqueue(pthread_t id, int number, const union sigval value)
{
    siginfo_t info = { .si_signo = number, .si_code = SI_QUEUE };
    struct posix_thread *thread = posix_thread_of(id);
    int error = 0;

    info.si_pid = getpid();
    info.si_value = value;
    if (thread == NULL)
        return ESRCH;
    if (number < 0 || number >= NSIG)
        return EINVAL;
    if (number != 0 && thread->ended == 0)
        error = -signal_post(thread, &info, NULL);
    signal_run_due();
    return error;
}

int sigqueue(pid_t pid, int number, const union sigval value)
{
    siginfo_t info = { .si_signo = number, .si_code = SI_QUEUE };
    int error = 0;

    info.si_pid = getpid();
    info.si_value = value;
    if (number < 0 || number >= NSIG)
        return (int)result(-EINVAL);
    if (pid != getpid())
        return (int)result(-ESRCH);
    if (number != 0)
        error = signal_post(NULL, &info, NULL);
    signal_run_due();
    return (int)result(error);
}
