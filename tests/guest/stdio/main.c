/*
 * stdio without files: the standard streams, streams in memory, buffering, scanning, locks.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdarg.h>
#include <unistd.h>
#include <wchar.h>

#include "check.h"

#ifndef getline
ssize_t getdelim(char **, size_t *, int, FILE *);
ssize_t getline(char **, size_t *, FILE *);
#endif

static void test_memory_streams(void)
{
    char *text = NULL, line[32];
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    CHECK(out != NULL);
    for (int i = 0; i < 2000; i++)
        CHECK(fprintf(out, "line %d\n", i) > 0);
    CHECK_EQ(fclose(out), 0);
    CHECK_EQ(size, 2000 * 6 + 10 + 90 * 2 + 900 * 3 + 1000 * 4);
    FILE *in = fmemopen(text, size, "r");
    CHECK(in != NULL);
    for (int i = 0; i < 2000; i++) {
        int got = -1;
        CHECK(fgets(line, sizeof(line), in) != NULL);
        CHECK_EQ(sscanf(line, "line %d", &got), 1);
        CHECK_EQ(got, i);
    }
    CHECK(fgets(line, sizeof(line), in) == NULL && feof(in) && !ferror(in));
    CHECK_EQ(fseek(in, 5, SEEK_SET), 0);
    CHECK_EQ(ftell(in), 5);
    CHECK_EQ(getc(in), '0');
    CHECK_EQ(ungetc('x', in), 'x');
    CHECK_EQ(getc(in), 'x');
    CHECK_EQ(fclose(in), 0);
    free(text);
}

static void test_lines(void)
{
    char source[] = "first\nsecond, longer than the first\n\nlast without an end";
    FILE *in = fmemopen(source, strlen(source), "r");
    char *line = NULL;
    size_t size = 0;

    CHECK_EQ(getline(&line, &size, in), 6);
    CHECK_STR(line, "first\n");
    CHECK_EQ(getline(&line, &size, in), 30);
    CHECK_EQ(getline(&line, &size, in), 1);
    CHECK_EQ(getdelim(&line, &size, ' ', in), 5);
    CHECK_STR(line, "last ");
    CHECK_EQ(getline(&line, &size, in), 14);
    CHECK_EQ(getline(&line, &size, in), -1);
    free(line);
    fclose(in);
}

static void test_scanning(void)
{
    int a, b, n;
    char word[16];
    double d;
    unsigned x;

    CHECK_EQ(sscanf("12 -7 word 3.25 0xff", "%d%d %15s %lf %x%n", &a, &b, word, &d, &x, &n), 5);
    CHECK(a == 12 && b == -7 && d == 3.25 && x == 255 && n == 20);
    CHECK_STR(word, "word");
    CHECK_EQ(sscanf("abc", "%d", &a), 0);
    CHECK_EQ(sscanf("", "%d", &a), EOF);
    CHECK_EQ(sscanf("[key]", "[%15[a-z]]", word), 1);
    CHECK_STR(word, "key");
}

static void test_strings(void)
{
    char small[8], *made;

    const char *volatile source = "longer than that";

    CHECK_EQ(snprintf(small, sizeof(small), "%s", source), 16);
    CHECK_STR(small, "longer ");
    CHECK_EQ(asprintf(&made, "%d-%s", 5, "x"), 3);
    CHECK_STR(made, "5-x");
    free(made);
    CHECK_STR(strerror(ENOENT), "No such file or directory");
    CHECK(strstr(strerror(12345), "12345") != NULL || strlen(strerror(12345)) > 0);
}

static void test_standard_streams(void)
{
    static char buffer[1000];

    CHECK(stdin != NULL && stdout != NULL && stderr != NULL);
    CHECK_EQ(fileno(stdin), 0);
    CHECK_EQ(fileno(stdout), 1);
    CHECK_EQ(fileno(stderr), 2);
    CHECK_EQ(fflush(NULL), 0);
    CHECK_EQ(setvbuf(stdout, buffer, _IOFBF, sizeof(buffer)), 0);
    fputs("held back ", stdout);
    fputs("not held back\n", stderr);
    CHECK_EQ(setvbuf(stdout, NULL, _IONBF, 0), 0);
    flockfile(stdout);
    CHECK_EQ(ftrylockfile(stdout), 0);
    putc_unlocked('\n', stdout);
    funlockfile(stdout);
    funlockfile(stdout);
    warnx("a warning with %s", "a name before it");
    errno = ENOENT;
    perror("perror");
    CHECK_EQ(fputc('a', stdin), EOF); /* open for reading only, as far as stdio goes */
    CHECK(ferror(stdin));
    clearerr(stdin);
    CHECK_EQ(dprintf(1, "dprintf %d\n", 1), 10);
}

int main(void)
{
    test_memory_streams();
    test_lines();
    test_scanning();
    test_strings();
    test_standard_streams();
    puts("PASS");
    return 0;
}
