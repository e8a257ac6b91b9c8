/*
 * The guest of test_net_names.py: looks names up, and prints what it finds, a line each. Without
 * arguments there is no name server; with one, it is the server's address.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static const char *word(int error)
{
    switch (error) {
    case EAI_AGAIN:
        return "EAI_AGAIN";
    case EAI_FAIL:
        return "EAI_FAIL";
    case EAI_NODATA:
        return "EAI_NODATA";
    case EAI_NONAME:
        return "EAI_NONAME";
    default:
        return gai_strerror(error);
    }
}

static void ask(const char *name, int family)
{
    struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_CANONNAME },
                    *found;
    int error = getaddrinfo(name, "80", &hints, &found);
    char text[INET6_ADDRSTRLEN];

    printf("%s:", name);
    if (error != 0) {
        printf(" %s\n", word(error));
        return;
    }
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
        printf(" %s", text);
    }
    printf(" (%s)\n", found->ai_canonname);
    freeaddrinfo(found);
}

static void ask_back(const char *text)
{
    struct sockaddr_in in = { .sin_family = AF_INET };
    char name[NI_MAXHOST];
    int error;

    inet_pton(AF_INET, text, &in.sin_addr);
    error = getnameinfo((struct sockaddr *)&in, sizeof(in), name, sizeof(name), NULL, 0, 0);
    printf("%s: %s\n", text, error != 0 ? word(error) : name);
}

static void ask_message(const char *name, int type)
{
    unsigned char answer[512];
    int n = res_query(name, C_IN, type, answer, sizeof(answer));

    if (n < 0)
        printf("%s, type %d: h_errno %d\n", name, type, h_errno);
    else
        printf("%s, type %d: %d records\n", name, type, answer[6] << 8 | answer[7]);
}

/* As resolvers of programs' own find it. */
static void show_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[128];

    if (file == NULL) {
        printf("%s: not there\n", path);
        return;
    }
    while (fgets(line, sizeof(line), file) != NULL)
        printf("%s: %s", path, line);
    fclose(file);
}

#define EACH 12

static void *ask_many(void *arg)
{
    for (int i = 0; i < EACH; i++) {
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
        struct sockaddr_in wanted;
        char name[32];

        snprintf(name, sizeof(name), "n%d.test", 1 + 2 * i + *(int *)arg);
        if (getaddrinfo(name, NULL, &hints, &found) != 0)
            return "an error";
        memcpy(&wanted, found->ai_addr, sizeof(wanted));
        if (wanted.sin_addr.s_addr != htonl(0x0a020000u + 1 + 2 * (unsigned)i + (unsigned)*(int *)arg))
            return "another's answer";
        freeaddrinfo(found);
    }
    return "good";
}

static void ask_together(void)
{
    static int which[2] = { 0, 1 };
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, ask_many, &which[i]);
    for (int i = 0; i < 2; i++) {
        void *said;

        pthread_join(threads[i], &said);
        printf("thread %d: %s\n", i, (char *)said);
    }
}

static void write_file(const char *path, const char *format, const char *word1)
{
    FILE *file = fopen(path, "w");

    if (file != NULL) {
        fprintf(file, format, word1);
        fclose(file);
    }
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "STONE.test.", "alias.test", "only4.test", "none.test",
                                         "large.test", "noise.test", "broken.test", "10.9.8.7",
                                         "localhost", "a..b" };

    show_file("/etc/resolv.conf");
    ask("stone.test", AF_UNSPEC);
    if (argc < 2)
        return 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ask(names[i], AF_INET);
    ask("only4.test", AF_INET6);
    ask_back("10.1.2.3");
    ask_back("10.1.2.99");
    ask_message("stone.test", T_A);
    ask_message("stone.test", T_MX);
    ask_message("none.test", T_MX);
    ask_together();
    mkdir("/etc", 0755);
    write_file("/etc/hosts", "10.7.7.7 here.test %s\n", "pebble");
    write_file("/etc/resolv.conf",
               "search none.example test\noptions timeout:1\nnameserver %s\n", argv[1]);
    ask("pebble", AF_INET);
    ask("stone", AF_INET);
    ask("nobody", AF_INET);
    ask("silent.test", AF_INET);
    return 0;
}
