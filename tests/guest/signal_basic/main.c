/*
 * Signals that a thread meets where it calls the system: handlers, masks, what is pending, waits
 * that end, signals that carry values, and waiting for signals without handlers.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static volatile sig_atomic_t count, last, order[16];
static siginfo_t last_info;
static sigset_t last_mask;

static void note(int number)
{
    order[count % 16] = number;
    count++;
    last = number;
    pthread_sigmask(SIG_SETMASK, NULL, &last_mask);
}

static void note_info(int number, siginfo_t *info, void *context)
{
    CHECK(context != NULL);
    last_info = *info;
    note(number);
}

static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_flags = flags };

    action.sa_handler = handler;
    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

static void handle_info(int number, int flags)
{
    struct sigaction action = { .sa_flags = flags | SA_SIGINFO };

    action.sa_sigaction = note_info;
    sigfillset(&action.sa_mask); /* else the next one may cut in before this one is noted */
    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

static sigset_t set_of(int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    return set;
}

static void raise_and_kill(void)
{
    struct sigaction old;

    CHECK(signal(SIGUSR1, note) == SIG_DFL);
    count = 0;
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(count, 1);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(count, 2);
    CHECK_EQ(pthread_kill(pthread_self(), SIGUSR1), 0);
    CHECK_EQ(count, 3);
    CHECK_EQ(kill(0, 0), 0);
    CHECK_ERRNO(kill(4711, SIGUSR1), ESRCH);
    CHECK_ERRNO(kill(getpid(), 65), EINVAL);
    CHECK_ERRNO(sigaction(SIGKILL, &(struct sigaction){ .sa_flags = 0 }, NULL), EINVAL);
    CHECK_ERRNO(sigaction(0, NULL, &old), EINVAL);
    CHECK_EQ(sigaction(SIGUSR1, NULL, &old), 0);
    CHECK(old.sa_handler == note);

    /* During the handler its own signal is blocked, unless SA_NODEFER says otherwise. */
    CHECK(sigismember(&last_mask, SIGUSR1));
    handle(SIGUSR1, note, SA_NODEFER);
    raise(SIGUSR1);
    CHECK(!sigismember(&last_mask, SIGUSR1));

    handle(SIGUSR1, note, SA_RESETHAND);
    raise(SIGUSR1);
    CHECK_EQ(sigaction(SIGUSR1, NULL, &old), 0);
    CHECK(old.sa_handler == SIG_DFL);

    signal(SIGUSR1, SIG_IGN);
    count = 0;
    raise(SIGUSR1);
    raise(SIGCHLD);
    raise(SIGTSTP);
    CHECK_EQ(count, 0);
}

static void masks(void)
{
    sigset_t usr1 = set_of(SIGUSR1), old, pending;

    handle(SIGUSR1, note, 0);
    handle(SIGUSR2, note, 0);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &usr1, &old), 0);
    CHECK(!sigismember(&old, SIGUSR1));
    count = 0;
    kill(getpid(), SIGUSR1);
    raise(SIGUSR1);
    raise(SIGUSR2);
    CHECK_EQ(count, 1);
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGUSR1) && !sigismember(&pending, SIGUSR2));
    sigprocmask(SIG_UNBLOCK, &usr1, NULL);
    CHECK_EQ(count, 3); /* one for the process and one for the thread */
    CHECK_ERRNO(sigprocmask(77, &usr1, NULL), EINVAL);
    sigpending(&pending);
    CHECK(sigisemptyset(&pending));

    /* A pending signal that comes to be ignored is gone. */
    sigprocmask(SIG_BLOCK, &usr1, NULL);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR1, note);
    sigprocmask(SIG_UNBLOCK, &usr1, NULL);
    CHECK_EQ(count, 3);
}

/* A signal that comes before the wait does not end it: so again and again, until the wait is over. */
static volatile bool waited;

static void *kill_main_often(void *arg)
{
    while (!waited) {
        usleep(10000);
        pthread_kill(*(pthread_t *)arg, SIGUSR1);
    }
    return NULL;
}

static pthread_t helper(pthread_t *me)
{
    sigset_t all, old;
    pthread_t thread;

    *me = pthread_self();
    waited = false;
    count = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    CHECK_EQ(pthread_create(&thread, NULL, kill_main_often, me), 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return thread;
}

static void helper_ends(pthread_t thread)
{
    CHECK(count >= 1);
    waited = true;
    pthread_join(thread, NULL);
}

static void *write_later(void *arg)
{
    while (count < 3)
        usleep(1000);
    CHECK_EQ(write(*(int *)arg, "x", 1), 1);
    return NULL;
}

static void interrupted_waits(void)
{
    struct timespec long_time = { .tv_sec = 600 }, left;
    pthread_t me, thread, writer;
    int ends[2];
    char byte;

    handle(SIGUSR1, note, 0);
    CHECK_EQ(pipe(ends), 0);
    thread = helper(&me);
    CHECK_ERRNO(read(ends[0], &byte, 1), EINTR);
    helper_ends(thread);

    thread = helper(&me);
    CHECK_ERRNO(nanosleep(&long_time, &left), EINTR);
    CHECK(left.tv_sec > 0 && left.tv_sec < 600);
    helper_ends(thread);

    thread = helper(&me);
    CHECK_ERRNO(pause(), EINTR);
    helper_ends(thread);

    /* With SA_RESTART, the read goes on behind the handler. */
    handle(SIGUSR1, note, SA_RESTART);
    thread = helper(&me);
    CHECK_EQ(pthread_create(&writer, NULL, write_later, &ends[1]), 0);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK(count >= 3);
    helper_ends(thread);
    pthread_join(writer, NULL);
    close(ends[0]);

    /* Nobody reads any more. */
    handle(SIGPIPE, note, 0);
    CHECK_ERRNO(write(ends[1], "x", 1), EPIPE);
    CHECK_EQ(last, SIGPIPE);
    close(ends[1]);
}

static void suspend(void)
{
    sigset_t usr1 = set_of(SIGUSR1), none, now;

    handle(SIGUSR1, note, 0);
    sigemptyset(&none);
    sigprocmask(SIG_BLOCK, &usr1, NULL);
    count = 0;
    raise(SIGUSR1);
    CHECK_EQ(count, 0);
    CHECK_ERRNO(sigsuspend(&none), EINTR);
    CHECK_EQ(count, 1);
    sigprocmask(SIG_SETMASK, NULL, &now);
    CHECK(sigismember(&now, SIGUSR1));
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void values(void)
{
    sigset_t set = set_of(SIGRTMIN), some;
    struct timespec short_time = { .tv_nsec = 5000000 };
    siginfo_t info;
    int number;

    sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    handle_info(SIGRTMIN, 0);
    handle_info(SIGRTMIN + 1, 0);
    count = 0;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = 10 + i }), 0);
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i }), 0);
    }
    /* Taken without a handler: the lowest number first, and each in the order it was sent. */
    CHECK_EQ(sigwaitinfo(&set, &info), SIGRTMIN);
    CHECK_EQ(info.si_value.sival_int, 0);
    CHECK_EQ(info.si_code, SI_QUEUE);
    CHECK_EQ(info.si_pid, getpid());
    some = set_of(SIGRTMIN + 1);
    CHECK_EQ(sigwait(&some, &number), 0);
    CHECK_EQ(number, SIGRTMIN + 1);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    CHECK_EQ(count, 4);
    CHECK(order[0] == SIGRTMIN && order[1] == SIGRTMIN && order[2] == SIGRTMIN + 1);
    CHECK_EQ(last_info.si_value.sival_int, 12);

    /* The queue is bounded, and says so. */
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 32; i++)
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i }), 0);
    errno = 0;
    for (int i = 0; i < 1000 && errno == 0; i++)
        sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i });
    CHECK_EQ(errno, EAGAIN);
    while (sigtimedwait(&set, &info, &(struct timespec){ 0 }) > 0)
        continue;
    CHECK_EQ(errno, EAGAIN);
    CHECK_ERRNO(sigtimedwait(&set, &info, &short_time), EAGAIN);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void *wait_for_term(void *arg)
{
    sigset_t term = set_of(SIGTERM);
    int number;

    (void)arg;
    CHECK_EQ(sigwait(&term, &number), 0);
    return (void *)(intptr_t)number;
}

/* The idiom of servers: blocked everywhere, and one thread waits for it. */
static void waiting_thread(void)
{
    sigset_t term = set_of(SIGTERM);
    pthread_t thread;
    void *got;

    sigprocmask(SIG_BLOCK, &term, NULL);
    CHECK_EQ(pthread_create(&thread, NULL, wait_for_term, NULL), 0);
    usleep(10000);
    kill(getpid(), SIGTERM);
    pthread_join(thread, &got);
    CHECK_EQ((intptr_t)got, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &term, NULL);
}

static pthread_t handled_by;

static void note_thread(int number)
{
    handled_by = pthread_self();
    note(number);
}

static void *kill_process(void *arg)
{
    usleep(5000);
    kill(getpid(), SIGUSR1);
    for (volatile int i = 0; i < 20000000 && count == 0; i++)
        continue;
    CHECK(!pthread_equal(handled_by, pthread_self()));
    return arg;
}

/* A signal to the process goes to main when main may take it, and else to who may. */
static void who_takes_it(void)
{
    sigset_t usr1 = set_of(SIGUSR1), term = set_of(SIGTERM);
    pthread_t thread;
    void *got;

    handle(SIGUSR1, note_thread, 0);
    for (int i = 0; i < 3; i++) {
        count = 0;
        CHECK_EQ(pthread_create(&thread, NULL, kill_process, NULL), 0);
        while (count == 0)
            usleep(1000);
        pthread_join(thread, NULL);
        CHECK(pthread_equal(handled_by, pthread_self()));
    }
    sigprocmask(SIG_BLOCK, &usr1, NULL);
    count = 0;
    kill(getpid(), SIGUSR1);
    CHECK_EQ(count, 0);
    sigprocmask(SIG_UNBLOCK, &usr1, NULL);
    CHECK_EQ(count, 1);

    /* Who waits for it comes first, even if the sender has it unblocked, with its deadly default.
     */
    sigprocmask(SIG_BLOCK, &term, NULL);
    CHECK_EQ(pthread_create(&thread, NULL, wait_for_term, NULL), 0);
    usleep(5000);
    sigprocmask(SIG_UNBLOCK, &term, NULL);
    kill(getpid(), SIGTERM);
    pthread_join(thread, &got);
    CHECK_EQ((intptr_t)got, SIGTERM);
}

static char alternate[SIGSTKSZ];
static char *handler_stack;

static void note_stack(int number)
{
    stack_t now;
    char here;

    handler_stack = &here;
    CHECK_EQ(sigaltstack(NULL, &now), 0);
    CHECK_EQ(now.ss_flags, SS_ONSTACK);
    CHECK_ERRNO(sigaltstack(&now, NULL), EPERM);
    note(number);
}

static void alternate_stack(void)
{
    stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) }, old;

    CHECK_EQ(sigaltstack(&stack, &old), 0);
    CHECK_EQ(old.ss_flags, SS_DISABLE);
    handle(SIGUSR1, note_stack, SA_ONSTACK);
    count = 0;
    raise(SIGUSR1);
    CHECK_EQ(count, 1);
    CHECK(handler_stack > alternate && handler_stack < alternate + sizeof(alternate));
    stack.ss_flags = SS_DISABLE;
    CHECK_EQ(sigaltstack(&stack, NULL), 0);
    stack = (stack_t){ .ss_sp = alternate, .ss_size = 100 };
    CHECK_ERRNO(sigaltstack(&stack, NULL), ENOMEM);
}

static sigjmp_buf out;

static void jump(int number)
{
    siglongjmp(out, number);
}

static void jumping(void)
{
    sigset_t now;

    handle(SIGUSR1, jump, 0);
    for (int i = 0; i < 3; i++) {
        if (sigsetjmp(out, 1) == 0) {
            raise(SIGUSR1);
            CHECK(0);
        }
        sigprocmask(SIG_SETMASK, NULL, &now);
        CHECK(sigisemptyset(&now));
    }

    /* A jmp_buf is smaller than a sigjmp_buf; these leave the mask and what lies behind it alone. */
    struct {
        jmp_buf buffer;
        volatile long behind[3];
    } plain = { .behind = { 11, 12, 13 } };
    volatile int jumps = 0;

    if (_setjmp(plain.buffer) < 3)
        _longjmp(plain.buffer, ++jumps);
    CHECK_EQ(jumps, 3);
    CHECK(plain.behind[0] == 11 && plain.behind[1] == 12 && plain.behind[2] == 13);
    CHECK(sizeof(mcontext_t) < sizeof(ucontext_t)); /* declared by signal.h */
}

int main(void)
{
    raise_and_kill();
    masks();
    interrupted_waits();
    suspend();
    values();
    waiting_thread();
    who_takes_it();
    alternate_stack();
    jumping();
    CHECK_STR(strsignal(SIGSEGV), "Segmentation fault");
    puts("PASS");
    return 0;
}
