#include "test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TEST_MAX 256u
#define TEST_SECONDS 120u

static struct test *test_first, **test_end = &test_first;
static const struct test *test_running;

void test_add(struct test *test)
{
    *test_end = test;
    test_end = &test->next;
}

void fakexen_fail(const char *file, int line, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s:%d: %s: ", file, line, test_running->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    _exit(1);
}

static void test_run(const struct test *test)
{
    test_running = test;
    alarm(TEST_SECONDS); /* a loop without end is a failure, not a wait without end */
    test->run();
    fakexen_check_clean();
    exit(0); /* not _exit: the sanitizers report leaks here */
}

static void test_in_child(void **state)
{
    int status;

    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        test_run(*state);
    assert_int_not_equal(child, -1);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        fail_msg("ended by signal %d", WTERMSIG(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[TEST_MAX];
    size_t n = 0;

    for (struct test *test = test_first; test != NULL; test = test->next) {
        if (argc > 1 && strcmp(argv[1], test->name) == 0)
            test_run(test);
        if (n == TEST_MAX)
            abort();
        tests[n++] = (struct CMUnitTest){
            .name = test->name,
            .test_func = test_in_child,
            .initial_state = test,
        };
    }
    if (argc > 1) {
        fprintf(stderr, "no test %s\n", argv[1]);
        return 2;
    }
    return _cmocka_run_group_tests(argv[0], tests, n, NULL, NULL);
}
