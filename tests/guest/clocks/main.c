/*
 * Clocks: monotonic time never goes back, sleeping takes as long as asked, the wall clock is past the day
 * this was written, CPU time is less than time, and errors are errors.
 */
#define _GNU_SOURCE
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define WRITTEN 1760000000 /* October 2025 */

static long long now_ns(clockid_t id)
{
    struct timespec now;

    CHECK_EQ(clock_gettime(id, &now), 0);
    CHECK(now.tv_nsec >= 0 && now.tv_nsec < 1000000000);
    return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void test_never_back(void)
{
    long long last = now_ns(CLOCK_MONOTONIC), start = last, moved = 0;

    for (int i = 0; i < 200000; i++) {
        long long now = now_ns(CLOCK_MONOTONIC);
        CHECK(now >= last);
        moved += now > last;
        last = now;
    }
    CHECK(last > start && moved > 1000);
}

static void test_sleep(void)
{
    static const long asked_ns[] = { 0, 1, 1000, 100000, 3000000, 50000000 };

    for (unsigned i = 0; i < sizeof(asked_ns) / sizeof(asked_ns[0]); i++) {
        struct timespec length = { .tv_nsec = asked_ns[i] };
        long long start = now_ns(CLOCK_MONOTONIC);
        CHECK_EQ(nanosleep(&length, NULL), 0);
        CHECK(now_ns(CLOCK_MONOTONIC) - start >= asked_ns[i]);
    }
    long long start = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    CHECK_EQ(usleep(30000), 0);
    CHECK(now_ns(CLOCK_MONOTONIC) - start >= 30000000);
    CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) >= cpu);
}

static void test_absolute(clockid_t id)
{
    long long then = now_ns(id) + 20000000;
    struct timespec time = { .tv_sec = then / 1000000000, .tv_nsec = then % 1000000000 };

    CHECK_EQ(clock_nanosleep(id, TIMER_ABSTIME, &time, NULL), 0);
    CHECK(now_ns(id) >= then);
    CHECK_EQ(clock_nanosleep(id, TIMER_ABSTIME, &time, NULL), 0); /* past: at once */
}

static void test_wall_clock(void)
{
    struct timeval day;
    struct timespec utc;
    time_t now = time(NULL);
    struct tm *tm = gmtime(&now);

    CHECK(now > WRITTEN);
    CHECK(tm->tm_year >= 125 && tm->tm_year < 300);
    CHECK_EQ(timespec_get(&utc, TIME_UTC), TIME_UTC);
    CHECK(utc.tv_sec >= now && utc.tv_sec <= now + 60);
    CHECK_EQ(timespec_get(&utc, 0), 0);
    CHECK_EQ(gettimeofday(&day, NULL), 0);
    CHECK(day.tv_sec >= now && day.tv_sec <= now + 60);
    CHECK(now_ns(CLOCK_REALTIME) / 1000000000 >= now);
}

/* The inverse of gmtime(), with fields out of their range carried. */
static void test_timegm(void)
{
    static const time_t samples[] = { 0, -1, 951782400, 4102444799, -2208988800, 253402300799 };
    struct tm late = { .tm_year = 124, .tm_mon = 13, .tm_mday = 29, .tm_sec = -1 };

    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct tm tm;

        gmtime_r(&samples[i], &tm);
        CHECK(timegm(&tm) == samples[i]);
    }
    CHECK(timegm(&late) == 1740787199); /* 2025-02-28 23:59:59 */
    CHECK(late.tm_mon == 1 && late.tm_mday == 28 && late.tm_hour == 23);
}

/* What TZ= says, in POSIX's variables; a program may as well have a struct timezone. */
static void test_timezone(void)
{
    struct timezone old = { .tz_minuteswest = 0 };

    setenv("TZ", "CET-1CEST", 1);
    tzset();
    CHECK_EQ(timezone, -3600);
    CHECK_EQ(daylight, 1);
    CHECK_STR(tzname[0], "CET");
    setenv("TZ", "UTC0", 1);
    tzset();
    CHECK_EQ(timezone, old.tz_minuteswest);
    CHECK_EQ(daylight, 0);
    unsetenv("TZ");
    tzset();
}

static void test_cpu_time(void)
{
    long long start = now_ns(CLOCK_MONOTONIC), process = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    long long cpu = now_ns(CLOCK_THREAD_CPUTIME_ID);
    clock_t ticks = clock();
    struct tms tms;

    while (now_ns(CLOCK_MONOTONIC) - start < 20000000) {
    }
    long long spent = now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
    CHECK(spent > 5000000 && spent <= now_ns(CLOCK_MONOTONIC) - start);
    CHECK(now_ns(CLOCK_PROCESS_CPUTIME_ID) - process >= spent);
    CHECK(clock() - ticks > 5000);
    CHECK(times(&tms) > 0 && tms.tms_utime > 0);

    struct timespec length = { .tv_nsec = 50000000 };
    cpu = now_ns(CLOCK_THREAD_CPUTIME_ID);
    nanosleep(&length, NULL);
    CHECK(now_ns(CLOCK_THREAD_CPUTIME_ID) - cpu < 25000000);
}

static void test_errors(void)
{
    struct timespec bad = { .tv_nsec = 1000000000 }, good = { 0 }, time;
    clockid_t id;

    CHECK_ERRNO(nanosleep(&bad, NULL), EINVAL);
    CHECK_ERRNO(clock_gettime(1000, &time), EINVAL);
    CHECK_ERRNO(clock_settime(CLOCK_REALTIME, &good), EPERM);
    CHECK_ERRNO(clock_settime(CLOCK_MONOTONIC, &good), EINVAL);
    CHECK_EQ(clock_nanosleep(1000, 0, &good, NULL), EINVAL);
    CHECK_EQ(clock_getres(CLOCK_MONOTONIC, &time), 0);
    CHECK(time.tv_sec == 0 && time.tv_nsec == 1);
    CHECK_EQ(clock_getcpuclockid(0, &id), 0);
    CHECK(now_ns(id) > 0);
    CHECK(now_ns(CLOCK_BOOTTIME) < now_ns(CLOCK_MONOTONIC));
}

int main(void)
{
    test_never_back();
    test_sleep();
    test_absolute(CLOCK_MONOTONIC);
    test_absolute(CLOCK_REALTIME);
    test_wall_clock();
    test_timegm();
    test_timezone();
    test_cpu_time();
    test_errors();
    puts("PASS");
    return 0;
}
