/*
 * Arguments and environment as the command line gave them, quotes and all; and the calls that change the
 * environment.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "check.h"

extern char *program_invocation_name, *program_invocation_short_name;

static void test_arguments(int argc, char **argv)
{
    CHECK_EQ(argc, 4);
    CHECK_STR(argv[1], "one");
    CHECK_STR(argv[2], "two words");
    CHECK_STR(argv[3], "a=\"b\" \\ 'c'");
    CHECK(argv[4] == NULL);
    CHECK(argv[0] != NULL && argv[0][0] != '\0');
    CHECK(program_invocation_name == argv[0]);
    CHECK(strchr(program_invocation_short_name, '/') == NULL);
}

static void test_environment(void)
{
    char *assigned = strdup("PUT=by putenv");

    CHECK_STR(getenv("GREETING"), "hello world");
    CHECK_STR(getenv("EMPTY"), "");
    CHECK(getenv("NOT_THERE") == NULL);
    CHECK_EQ(setenv("GREETING", "kept", 0), 0);
    CHECK_STR(getenv("GREETING"), "hello world");
    CHECK_EQ(setenv("GREETING", "changed, and much longer than it was", 1), 0);
    CHECK_STR(getenv("GREETING"), "changed, and much longer than it was");
    CHECK_EQ(setenv("NEW", "1", 1), 0);
    CHECK_STR(getenv("NEW"), "1");
    CHECK_EQ(putenv(assigned), 0);
    CHECK_STR(getenv("PUT"), "by putenv");
    CHECK_EQ(unsetenv("GREETING"), 0);
    CHECK(getenv("GREETING") == NULL);
    CHECK_ERRNO(setenv("A=B", "1", 1), EINVAL);
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof(name), "V%d", i);
        CHECK_EQ(setenv(name, name, 1), 0);
    }
    CHECK_STR(getenv("V299"), "V299");
    CHECK_STR(getenv("EMPTY"), "");
}

int main(int argc, char **argv)
{
    test_arguments(argc, argv);
    test_environment();
    puts("PASS");
    return 0;
}
