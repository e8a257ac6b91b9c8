/*
 * A small HTTP/1.1 server for files: one thread, one epoll set, sendfile.
 *
 * main.c        listens, waits, and gives every connection its events
 * connection.c  the life of a connection: read a request, send its answer, again
 * request.c     the bytes of a request made into a struct
 * answer.c      what is sent for a request: a file, an error, or a page of our own
 */
#ifndef HTTPD_H
#define HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <time.h>

#define REQUEST_MAX 8192 /* a request's line and headers together */
#define HEAD_MAX 3072    /* an answer's headers, with the body if that is made here */
#define IDLE_S 30        /* a connection that says nothing for so long is closed */

struct request {
    bool head_only; /* HEAD */
    bool keep_alive;
    time_t if_modified_since;
    char path[1024]; /* decoded, begins with '/', no "." or ".." in it, no query */
};

struct answer {
    char head[HEAD_MAX];
    size_t head_len;
    int file; /* what follows the head, or -1 */
    off_t file_at, file_end;
};

struct connection {
    TAILQ_ENTRY(connection) by_age; /* the longest silent one first */
    int fd;
    bool writing;    /* an answer is on its way; else a request is awaited */
    bool keep_alive; /* another request may follow this answer */
    /* All is sent, and the other side's end awaited: closing earlier could be a reset to it. */
    bool ending;
    uint32_t waiting_for; /* what epoll watches for: EPOLLIN or EPOLLOUT */
    time_t heard;         /* last progress, CLOCK_MONOTONIC seconds */
    size_t in_len;
    size_t head_sent;
    struct answer answer;
    char in[REQUEST_MAX];
};

/* What the page of our own tells. */
struct statistics {
    unsigned long connections, requests;
    unsigned open;
    time_t begun;
};

extern struct statistics statistics;

/* ---- request.c */

/*
 * Make a request of the first of the len bytes.
 *
 * taken  out: how many of the bytes were the request
 * Returns 200, or 0 when bytes are missing yet, or the status of a refusal (400, 405...).
 */
int request_parse(const char *in, size_t len, struct request *request, size_t *taken);

/* ---- answer.c */

/* The directory to serve, or NULL for the page of our own. False: no such directory. */
bool answer_serve(const char *directory);

/* The answer to a request. Its file is open afterwards and is closed by answer_end(). */
void answer_make(struct answer *answer, const struct request *request);

/* The answer to what was no proper request; the connection is closed after it. */
void answer_refuse(struct answer *answer, int status);

void answer_end(struct answer *answer);

/* ---- connection.c */

/* Go on as far as possible without waiting; false when the connection is over. */
bool connection_go_on(struct connection *c);

#endif
