/*
 * Timers that send signals or call functions: alarm() and its kin, timer_create() with every kind
 * of notice, overruns, and what can go wrong.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static volatile sig_atomic_t count;
static siginfo_t last;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    last = *info;
    count++;
}

static void handle(int number)
{
    struct sigaction action = { .sa_flags = SA_SIGINFO };

    action.sa_sigaction = on_signal;
    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

static long long now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

static void alarms(void)
{
    struct itimerval timer = { .it_value.tv_usec = 5000, .it_interval.tv_usec = 5000 }, old;
    long long from;

    handle(SIGALRM);
    CHECK_EQ(alarm(100), 0);
    from = now_us();
    CHECK_EQ(alarm(1), 100);
    while (count == 0)
        usleep(1000);
    CHECK_EQ(count, 1);
    CHECK(now_us() - from >= 1000000);
    CHECK_EQ(alarm(0), 0);

    from = now_us();
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    while (count < 6)
        pause();
    CHECK(now_us() - from >= 25000);
    timer = (struct itimerval){ .it_value.tv_usec = 0 };
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, &old), 0);
    CHECK_EQ(old.it_interval.tv_usec, 5000);
    CHECK_EQ(getitimer(ITIMER_REAL, &old), 0);
    CHECK(old.it_value.tv_sec == 0 && old.it_value.tv_usec == 0);
    CHECK_ERRNO(setitimer(ITIMER_PROF, &timer, NULL), ENOTSUP);
    CHECK_ERRNO(setitimer(42, &timer, NULL), EINVAL);
    timer.it_value.tv_usec = 1000000;
    CHECK_ERRNO(setitimer(ITIMER_REAL, &timer, NULL), EINVAL);

    /* A sleep is cut short by it, if by a later one than the first. */
    ualarm(5000, 5000);
    CHECK(sleep(600) > 0);
    ualarm(0, 0);
}

static void signals(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
    struct itimerspec spec = { .it_value.tv_nsec = 3000000, .it_interval.tv_nsec = 3000000 }, left;
    struct timespec nap = { .tv_nsec = 40000000 };
    sigset_t set;
    siginfo_t info;
    timer_t timer, other;

    handle(SIGRTMIN);
    event.sigev_value.sival_int = 77;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(timer_gettime(timer, &left), 0);
    CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
    count = 0;
    CHECK_EQ(timer_settime(timer, 0, &spec, NULL), 0);
    while (count < 5)
        pause();
    CHECK_EQ(last.si_value.sival_int, 77);
    CHECK_EQ(last.si_code, SI_TIMER);

    /* While its signal waits, expiries are counted, not queued. */
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    nanosleep(&nap, NULL);
    CHECK_EQ(sigwaitinfo(&set, &info), SIGRTMIN);
    CHECK(info.si_overrun >= 5);
    CHECK_EQ(timer_getoverrun(timer), info.si_overrun);
    CHECK_EQ(timer_gettime(timer, &left), 0);
    CHECK_EQ(left.it_interval.tv_nsec, 3000000);
    CHECK(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 3000000);

    /* Deleted, it takes its pending signal with it. */
    nanosleep(&nap, NULL);
    CHECK_EQ(timer_delete(timer), 0);
    CHECK_ERRNO(sigtimedwait(&set, &info, &nap), EAGAIN);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    CHECK_ERRNO(timer_delete(timer), EINVAL);
    CHECK_ERRNO(timer_settime(timer, 0, &spec, NULL), EINVAL);

    /* Without an event: SIGALRM with the timer's id. At a time of day that is past already: at
     * once. */
    CHECK_EQ(timer_create(CLOCK_REALTIME, NULL, &other), 0);
    spec = (struct itimerspec){ .it_value.tv_sec = 1000 };
    count = 0;
    CHECK_EQ(timer_settime(other, TIMER_ABSTIME, &spec, NULL), 0);
    while (count < 1)
        usleep(1000);
    CHECK_EQ(last.si_value.sival_int, (int)other);
    clock_gettime(CLOCK_REALTIME, &spec.it_value);
    spec.it_value.tv_sec += 1;
    CHECK_EQ(timer_settime(other, TIMER_ABSTIME, &spec, NULL), 0);
    while (count < 2)
        usleep(1000);
    clock_gettime(CLOCK_REALTIME, &nap);
    CHECK(nap.tv_sec > spec.it_value.tv_sec ||
          (nap.tv_sec == spec.it_value.tv_sec && nap.tv_nsec >= spec.it_value.tv_nsec));
    CHECK_EQ(timer_delete(other), 0);
}

static pthread_t caller;
static volatile int calls, value;

static void call(union sigval with)
{
    caller = pthread_self();
    value = with.sival_int;
    calls++;
}

static void *nothing(void *arg)
{
    return arg;
}

static void threads(bool with_threads)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = call };
    struct itimerspec spec = { .it_value.tv_nsec = 2000000, .it_interval.tv_nsec = 2000000 };
    pthread_t thread;
    timer_t timer;

    if (with_threads) {
        CHECK_EQ(pthread_create(&thread, NULL, nothing, NULL), 0);
        pthread_join(thread, NULL);
    }
    event.sigev_value.sival_int = 5;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &spec, NULL), 0);
    while (calls < 5)
        usleep(1000);
    CHECK_EQ(timer_delete(timer), 0);
    CHECK_EQ(value, 5);
    CHECK(!pthread_equal(caller, pthread_self()));
}

static void silent_and_wrong(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    struct itimerspec spec = { .it_value.tv_sec = 10 }, left;
    timer_t timer;

    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &spec, NULL), 0);
    CHECK_EQ(timer_gettime(timer, &left), 0);
    CHECK_EQ(left.it_value.tv_sec, 9);
    spec.it_value.tv_nsec = 1000000000;
    CHECK_ERRNO(timer_settime(timer, 0, &spec, NULL), EINVAL);
    CHECK_EQ(timer_delete(timer), 0);
    CHECK_ERRNO(timer_create(12345, &event, &timer), EINVAL);
    CHECK_ERRNO(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer), ENOTSUP);
    event = (struct sigevent){ .sigev_notify = SIGEV_SIGNAL, .sigev_signo = 100 };
    CHECK_ERRNO(timer_create(CLOCK_MONOTONIC, &event, &timer), EINVAL);

    /* As often as anything could: threads still get to run. */
    handle(SIGALRM);
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
    spec = (struct itimerspec){ .it_value.tv_nsec = 1, .it_interval.tv_nsec = 1 };
    count = 0;
    CHECK_EQ(timer_settime(timer, 0, &spec, NULL), 0);
    while (count < 20)
        continue;
    CHECK_EQ(timer_delete(timer), 0);
}

int main(void)
{
    alarms();
    signals();
    threads(false);
    threads(true);
    silent_and_wrong();
    puts("PASS");
    return 0;
}
