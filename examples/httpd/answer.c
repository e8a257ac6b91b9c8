/* What is sent for a request: a file, an error, or a page of our own. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "httpd.h"

#define HTTP_DATE "%a, %d %b %Y %H:%M:%S GMT"

static int answer_root = -1; /* the directory served, or -1 */

static const struct {
    const char *ending, *type;
} answer_types[] = {
    { ".html", "text/html; charset=utf-8" },
    { ".htm", "text/html; charset=utf-8" },
    { ".txt", "text/plain; charset=utf-8" },
    { ".css", "text/css" },
    { ".js", "text/javascript" },
    { ".json", "application/json" },
    { ".xml", "application/xml" },
    { ".svg", "image/svg+xml" },
    { ".png", "image/png" },
    { ".jpg", "image/jpeg" },
    { ".jpeg", "image/jpeg" },
    { ".gif", "image/gif" },
    { ".ico", "image/x-icon" },
    { ".webp", "image/webp" },
    { ".woff2", "font/woff2" },
    { ".pdf", "application/pdf" },
    { ".wasm", "application/wasm" },
    { ".gz", "application/gzip" },
};

static const char *answer_reason(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 301:
        return "Moved Permanently";
    case 304:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 414:
        return "URI Too Long";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

static const char *answer_type(const char *path)
{
    const char *dot = strrchr(path, '.');

    for (size_t i = 0; dot != NULL && i < sizeof answer_types / sizeof answer_types[0]; i++) {
        if (strcasecmp(dot, answer_types[i].ending) == 0)
            return answer_types[i].type;
    }
    return "application/octet-stream";
}

/* The head of an answer. `more` are further lines, each with its end. */
static void answer_head(struct answer *answer, int status, bool keep_alive, const char *type,
                        off_t len, const char *more)
{
    char date[64];
    time_t now = time(NULL);
    struct tm tm;
    int n;

    strftime(date, sizeof date, HTTP_DATE, gmtime_r(&now, &tm));
    n = snprintf(answer->head, sizeof answer->head,
                 "HTTP/1.1 %d %s\r\nServer: httpd on Xenolith\r\nDate: %s\r\nConnection: %s\r\n%s",
                 status, answer_reason(status), date, keep_alive ? "keep-alive" : "close", more);
    if (status != 304)
        n += snprintf(answer->head + n, sizeof answer->head - (size_t)n,
                      "Content-Type: %s\r\nContent-Length: %lld\r\n", type, (long long)len);
    n += snprintf(answer->head + n, sizeof answer->head - (size_t)n, "\r\n");
    answer->head_len = (size_t)n;
    answer->file = -1;
}

/* An answer whose body is a text that we made. */
static void answer_text(struct answer *answer, int status, const struct request *request,
                        const char *text, const char *more)
{
    size_t len = strlen(text);

    answer_head(answer, status, request != NULL && request->keep_alive, "text/html; charset=utf-8",
                (off_t)len, more);
    if (request == NULL || !request->head_only) {
        memcpy(answer->head + answer->head_len, text, len);
        answer->head_len += len;
    }
}

static void answer_status(struct answer *answer, int status, const struct request *request,
                          const char *more)
{
    char text[256];

    snprintf(text, sizeof text, "<!doctype html>\n<title>%d</title>\n<h1>%d %s</h1>\n", status,
             status, answer_reason(status));
    answer_text(answer, status, request, text, more);
}

static void answer_own_page(struct answer *answer, const struct request *request)
{
    struct utsname host = { 0 };
    char text[1024];
    struct timespec now;

    uname(&host);
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text,
             "<!doctype html>\n<title>A stone carried whole inside another</title>\n"
             "<h1>A stone carried whole inside another</h1>\n"
             "<p>This page comes from a C program that is a Xen guest: %s %s on %s.\n"
             "<p>It has been listening for %lld seconds; this is request %lu on connection %lu, "
             "and %u %s"
             " open.\n",
             host.sysname, host.release, host.machine, (long long)(now.tv_sec - statistics.begun),
             statistics.requests, statistics.connections, statistics.open,
             statistics.open == 1 ? "is" : "are");
    answer_text(answer, 200, request, text, "Cache-Control: no-store\r\n");
}

/* A directory's own name ends in '/', or the links in its page would lead elsewhere. */
static void answer_redirect(struct answer *answer, const struct request *request)
{
    char line[3 * sizeof request->path + 32] = "Location: ";
    size_t n = strlen(line);

    for (const char *p = request->path; *p != '\0'; p++) {
        if ((*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z') ||
            strchr("/._-~", *p) != NULL)
            line[n++] = *p;
        else
            n += (size_t)sprintf(line + n, "%%%02X", (unsigned char)*p);
        if (n > HEAD_MAX / 2) {
            answer_status(answer, 404, request, "");
            return;
        }
    }
    memcpy(line + n, "/\r\n", 4);
    answer_status(answer, 301, request, line);
}

static int answer_status_of_errno(void)
{
    return errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG || errno == ELOOP ? 404
           : errno == EACCES || errno == EPERM                                            ? 403
           : errno == EMFILE || errno == ENFILE || errno == ENOMEM                        ? 503
                                                                                          : 500;
}

/* Open what the path names; a directory stands for its index.html. Negative: a status. */
static int answer_open(const struct request *request, struct stat *stat, const char **name)
{
    static char with_index[sizeof request->path + sizeof "index.html"];
    size_t len = strlen(request->path);
    int file;

    *name = request->path;
    if (request->path[len - 1] == '/') {
        memcpy(with_index, request->path, len);
        strcpy(with_index + len, "index.html");
        *name = with_index;
    }
    *name += strspn(*name, "/"); /* relative to the directory, whatever it begins with */
    file = openat(answer_root, **name != '\0' ? *name : ".", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return -answer_status_of_errno();
    if (fstat(file, stat) == 0 && S_ISREG(stat->st_mode))
        return file;
    close(file);
    return S_ISDIR(stat->st_mode) ? -301 : -403;
}

void answer_make(struct answer *answer, const struct request *request)
{
    const char *name;
    struct stat stat = { 0 };
    struct tm tm;
    char line[80];
    int file;

    if (answer_root < 0) {
        if (strcmp(request->path, "/") == 0)
            answer_own_page(answer, request);
        else
            answer_status(answer, 404, request, "");
        return;
    }
    file = answer_open(request, &stat, &name);
    if (file == -301) {
        answer_redirect(answer, request);
        return;
    }
    if (file < 0) {
        answer_status(answer, -file, request, "");
        return;
    }
    strftime(line, sizeof line, "Last-Modified: " HTTP_DATE "\r\n", gmtime_r(&stat.st_mtime, &tm));
    if (request->if_modified_since != 0 && stat.st_mtime <= request->if_modified_since) {
        answer_head(answer, 304, request->keep_alive, "", 0, line);
        close(file);
        return;
    }
    answer_head(answer, 200, request->keep_alive, answer_type(name), stat.st_size, line);
    if (request->head_only) {
        close(file);
        return;
    }
    answer->file = file;
    answer->file_at = 0;
    answer->file_end = stat.st_size;
}

void answer_refuse(struct answer *answer, int status)
{
    answer_status(answer, status, NULL, status == 405 ? "Allow: GET, HEAD\r\n" : "");
}

void answer_end(struct answer *answer)
{
    if (answer->file >= 0)
        close(answer->file);
    answer->file = -1;
    answer->head_len = 0;
}

bool answer_serve(const char *directory)
{
    if (directory != NULL)
        answer_root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return directory == NULL || answer_root >= 0;
}
