#include "glue_test.h"

#include <stdarg.h>

#include <drivers/console.h>
#include <platform/clock.h>
#include <platform/spinlock.h>
#include <platform/vcpu.h>
#include <runtime/log.h>
#include <runtime/pages.h>
#include <runtime/sync.h>

static struct glue_test *glue_tests, **glue_tests_end = &glue_tests;
static const char *glue_running;

void glue_test_add(struct glue_test *test)
{
    *glue_tests_end = test;
    glue_tests_end = &test->next;
}

void glue_test_fail(const char *file, int line, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "FAIL %s\n  %s:%d: ", glue_running, file, line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    exit(1);
}

int main(int argc, char **argv)
{
    unsigned n = 0;

    for (struct glue_test *test = glue_tests; test != NULL; test = test->next) {
        if (argc > 1 && strcmp(argv[1], test->name) != 0)
            continue;
        glue_running = test->name;
        glue_on_sleep = NULL;
        glue_on_lock = NULL;
        glue_random_works = true;
        glue_pages_limit = SIZE_MAX;
        glue_signals = 0;
        glue_logged = 0;
        glue_output_clear();
        test->run();
        printf("ok %s\n", test->name);
        n++;
    }
    printf("%u tests passed\n", n);
    return n > 0 ? 0 : 1;
}

/* ---- vCPU and locks ---- */

static bool glue_masked;

bool vcpu_mask_upcalls(void)
{
    bool was = glue_masked;

    glue_masked = true;
    return was;
}

void vcpu_restore_upcalls(bool was_masked)
{
    glue_masked = was_masked;
}

void spinlock_deadlock(const struct spinlock *lock)
{
    glue_test_fail(__FILE__, __LINE__, "the spinlock \"%s\" is taken twice", lock->name);
}

void (*glue_on_lock)(struct mutex *mutex);

void mutex_lock(struct mutex *mutex)
{
    if (glue_on_lock != NULL)
        glue_on_lock(mutex);
    if (mutex->word != 0)
        glue_test_fail(__FILE__, __LINE__, "a mutex is locked twice by one thread");
    if (glue_masked)
        glue_test_fail(__FILE__, __LINE__, "a mutex is locked with upcalls masked");
    mutex->word = 1;
}

bool mutex_try_lock(struct mutex *mutex)
{
    if (mutex->word != 0)
        return false;
    mutex->word = 1;
    return true;
}

void mutex_unlock(struct mutex *mutex)
{
    if (mutex->word == 0)
        glue_test_fail(__FILE__, __LINE__, "a mutex is unlocked that nobody holds");
    mutex->word = 0;
}

/* ---- waiting ---- */

void (*glue_on_sleep)(void);
uint64_t glue_monotonic_ns = 1000000000, glue_realtime_ns = 1700000000000000000;

unsigned glue_woken;

void wait_queue_init(struct wait_queue *queue)
{
    list_init(&queue->threads);
}

size_t wait_queue_wake(struct wait_queue *queue, size_t n)
{
    (void)queue;
    (void)n;
    glue_woken++;
    return 0;
}

int wait_queue_sleep(struct wait_queue *queue, struct spinlock *lock, bool was_masked,
                     uint64_t deadline_ns, bool interruptible, const char *reason)
{
    unsigned before = glue_woken;

    (void)queue;
    (void)interruptible;
    if (was_masked)
        glue_test_fail(__FILE__, __LINE__, "a thread sleeps (%s) with upcalls masked", reason);
    spin_unlock(lock, was_masked);
    if (glue_on_sleep != NULL)
        glue_on_sleep();
    if (glue_woken != before)
        return 0;
    if (deadline_ns == CLOCK_NEVER)
        glue_test_fail(__FILE__, __LINE__, "a thread sleeps for ever (%s)", reason);
    if (glue_monotonic_ns < deadline_ns)
        glue_monotonic_ns = deadline_ns;
    return -ETIMEDOUT;
}

uint64_t clock_monotonic_ns(void)
{
    return glue_monotonic_ns;
}

uint64_t clock_realtime_ns(void)
{
    return glue_realtime_ns;
}

/* ---- random source, pages, log ---- */

bool glue_random_works = true;

bool vcpu_random(uint64_t *value)
{
    static uint64_t state = 1;

    state = state * 6364136223846793005u + 1442695040888963407u;
    *value = state;
    return glue_random_works;
}

size_t glue_pages_limit = SIZE_MAX, glue_pages_used;

void *pages_get(void)
{
    void *page;

    if (glue_pages_used >= glue_pages_limit)
        return NULL;
    page = aligned_alloc(4096, 4096);
    if (page == NULL)
        abort();
    memset(page, 0xa5, 4096);
    glue_pages_used++;
    return page;
}

void *pages_get_zeroed(void)
{
    void *page = pages_get();

    if (page != NULL)
        memset(page, 0, 4096);
    return page;
}

void pages_put(void *page)
{
    glue_pages_used--;
    free(page);
}

size_t pages_reclaim(size_t n)
{
    (void)n;
    return 0;
}

void pages_get_stats(struct pages_stats *stats)
{
    *stats = (struct pages_stats){ .total = 16384, .used = glue_pages_used,
                                   .free = 16384 - glue_pages_used };
}

unsigned glue_logged;

void log_line(enum log_level level, const char *format, ...)
{
    (void)level;
    (void)format;
    glue_logged++;
}

int log_format(char *buffer, size_t size, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(buffer, size, format, args);
    va_end(args);
    return len;
}

/* ---- key_signal: no test types Ctrl-C without signals ---- */

void key_signal_start(void)
{
}

void key_signal_raise(int number)
{
    (void)number;
}

/* ---- console ---- */

char glue_output[65536];
size_t glue_output_room;
uint32_t glue_signals;

static size_t glue_output_len;
static char glue_input[65536];
static size_t glue_input_taken, glue_input_len;
static void (*glue_listener)(void *arg);

void glue_output_clear(void)
{
    memset(glue_output, 0, sizeof(glue_output));
    glue_output_len = 0;
    glue_output_room = sizeof(glue_output) - 1;
}

void glue_type(const char *text)
{
    size_t len = strlen(text);

    if (glue_input_taken == glue_input_len)
        glue_input_taken = glue_input_len = 0;
    memcpy(glue_input + glue_input_len, text, len);
    glue_input_len += len;
    if (glue_listener != NULL)
        glue_listener(NULL);
}

size_t console_write(const char *text, size_t len)
{
    if (len > glue_output_room)
        len = glue_output_room;
    memcpy(glue_output + glue_output_len, text, len);
    glue_output_len += len;
    glue_output_room -= len;
    return len;
}

size_t console_read(char *buffer, size_t size)
{
    size_t n = glue_input_len - glue_input_taken;

    if (n > size)
        n = size;
    memcpy(buffer, glue_input + glue_input_taken, n);
    glue_input_taken += n;
    return n;
}

unsigned console_ready(void)
{
    return (glue_input_taken != glue_input_len ? CONSOLE_READABLE : 0) |
           (glue_output_room > 0 ? CONSOLE_WRITABLE : 0);
}

void console_set_listener(void (*changed)(void *arg), void *arg)
{
    (void)arg;
    glue_listener = changed;
}

void signal_from_terminal(int signal);
void signal_from_terminal(int signal)
{
    glue_signals |= 1u << signal;
}
