/* The bytes of a request made into a struct request. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "httpd.h"

static int request_hex(char c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

/* Decode %XX, and drop the query. Returns 200, 400 or 414. */
static int request_decode(const char *target, size_t len, char *path, size_t room)
{
    size_t n = 0;

    for (size_t i = 0; i < len && target[i] != '?' && target[i] != '#'; i++) {
        char c = target[i];

        if (c == '%') {
            int high = i + 2 < len ? request_hex(target[i + 1]) : -1;
            int low = i + 2 < len ? request_hex(target[i + 2]) : -1;

            if (high < 0 || low < 0 || high * 16 + low == 0)
                return 400;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (n + 1 == room)
            return 414;
        path[n++] = c;
    }
    path[n] = '\0';
    return path[0] == '/' ? 200 : 400;
}

/* No segment of a path may be "." or "..": nothing outside the directory is served. */
static bool request_stays_inside(const char *path)
{
    for (const char *segment = path; segment != NULL; segment = strchr(segment + 1, '/')) {
        size_t len = strcspn(segment + 1, "/");

        if ((len == 1 && segment[1] == '.') || (len == 2 && memcmp(segment + 1, "..", 2) == 0))
            return false;
    }
    return true;
}

/* METHOD SP TARGET SP HTTP/1.x */
static int request_line(const char *line, size_t len, struct request *request)
{
    const char *space = memchr(line, ' ', len);
    const char *last = memrchr(line, ' ', len);
    int status;

    if (space == NULL || last == space || len - (size_t)(last - line) != sizeof " HTTP/1.1" - 1 ||
        memcmp(last, " HTTP/1.", 8) != 0)
        return 400;
    request->keep_alive = last[8] >= '1';
    request->head_only = space - line == 4 && memcmp(line, "HEAD", 4) == 0;
    status =
        request_decode(space + 1, (size_t)(last - space - 1), request->path, sizeof request->path);
    if (status != 200)
        return status;
    if (!request_stays_inside(request->path))
        return 400;
    return request->head_only || (space - line == 3 && memcmp(line, "GET", 3) == 0) ? 200 : 405;
}

/* One header. What we do not know does not matter; a body is not taken. */
static int request_header(const char *line, size_t len, struct request *request)
{
    const char *colon = memchr(line, ':', len);
    char value[64];
    size_t n = 0;

    if (colon == NULL || colon == line)
        return 400;
    for (const char *p = colon + 1; p < line + len && n + 1 < sizeof value; p++) {
        if (n > 0 || (*p != ' ' && *p != '\t'))
            value[n++] = *p;
    }
    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    value[n] = '\0';
    len = (size_t)(colon - line);
    if (len == 10 && strncasecmp(line, "Connection", len) == 0) {
        if (strcasecmp(value, "close") == 0)
            request->keep_alive = false;
        else if (strcasecmp(value, "keep-alive") == 0)
            request->keep_alive = true;
    } else if (len == 17 && strncasecmp(line, "If-Modified-Since", len) == 0) {
        struct tm tm = { 0 };

        if (strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm) != NULL)
            request->if_modified_since = timegm(&tm);
    } else if (len == 17 && strncasecmp(line, "Transfer-Encoding", len) == 0) {
        return 501;
    } else if (len == 14 && strncasecmp(line, "Content-Length", len) == 0 &&
               strcmp(value, "0") != 0) {
        return 501;
    }
    return 200;
}

int request_parse(const char *in, size_t len, struct request *request, size_t *taken)
{
    const char *end = memmem(in, len, "\r\n\r\n", 4);
    const char *line = in;
    int status = 200;

    if (end == NULL)
        return len >= REQUEST_MAX ? 431 : 0;
    *taken = (size_t)(end - in) + 4;
    request->if_modified_since = 0;
    while (status == 200 && line < end + 2) {
        const char *stop = memmem(line, (size_t)(end + 2 - line), "\r\n", 2);

        if (stop == NULL)
            return 400;
        status = line == in ? request_line(line, (size_t)(stop - line), request)
                            : request_header(line, (size_t)(stop - line), request);
        line = stop + 2;
    }
    return status;
}
