/*
 * The life of a connection: bytes come until they are a request; its answer goes out, the head by
 * send() and a file by sendfile(); then the next request, whose bytes may be there already.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "httpd.h"

#define PIECE (256 << 10) /* of a file at a time, so that one download does not starve the others */

enum progress { DONE, WAIT, OVER };

static enum progress connection_errno(struct connection *c, uint32_t event)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        c->waiting_for = event;
        return WAIT;
    }
    return errno == EINTR ? DONE : OVER;
}

/* Read what has come. */
static enum progress connection_read(struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - c->in_len, 0);

    if (n < 0)
        return connection_errno(c, EPOLLIN);
    c->in_len += (size_t)n;
    return n == 0 ? OVER : DONE;
}

/* Begin the answer to the request at the head of the buffer, if it is there whole. */
static bool connection_take_request(struct connection *c)
{
    struct request request;
    size_t taken = 0;
    int status = request_parse(c->in, c->in_len, &request, &taken);

    if (status == 0)
        return false;
    statistics.requests++;
    c->writing = true;
    c->head_sent = 0;
    if (status == 200) {
        c->keep_alive = request.keep_alive;
        answer_make(&c->answer, &request);
        c->in_len -= taken;
        memmove(c->in, c->in + taken, c->in_len);
    } else {
        c->keep_alive = false;
        answer_refuse(&c->answer, status);
        c->in_len = 0;
    }
    return true;
}

/* Send more of the answer; DONE when all of it is on its way. */
static enum progress connection_send(struct connection *c)
{
    struct answer *a = &c->answer;
    off_t room = PIECE;

    while (c->head_sent < a->head_len) {
        ssize_t n = send(c->fd, a->head + c->head_sent, a->head_len - c->head_sent,
                         MSG_NOSIGNAL | (a->file >= 0 ? MSG_MORE : 0));
        enum progress progress = n < 0 ? connection_errno(c, EPOLLOUT) : DONE;

        if (progress != DONE)
            return progress;
        c->head_sent += n > 0 ? (size_t)n : 0;
    }
    while (a->file >= 0 && a->file_at < a->file_end) {
        off_t left = a->file_end - a->file_at;
        ssize_t n = sendfile(c->fd, a->file, &a->file_at, (size_t)(left < PIECE ? left : PIECE));
        enum progress progress = n < 0 ? connection_errno(c, EPOLLOUT) : DONE;

        if (progress != DONE)
            return progress;
        if (n == 0)
            return OVER; /* the file has become shorter than we have promised */
        room -= n > 0 ? n : 0;
        if (room <= 0 && a->file_at < a->file_end) {
            c->waiting_for = EPOLLOUT;
            return WAIT;
        }
    }
    answer_end(a);
    c->writing = false;
    return DONE;
}

bool connection_go_on(struct connection *c)
{
    for (;;) {
        enum progress progress;

        if (c->writing) {
            progress = connection_send(c);
            if (progress == DONE && !c->keep_alive) {
                shutdown(c->fd, SHUT_WR);
                c->ending = true;
            }
        } else if (!c->ending && connection_take_request(c)) {
            continue;
        } else {
            c->in_len = c->ending ? 0 : c->in_len;
            progress = connection_read(c);
        }
        if (progress != DONE)
            return progress == WAIT;
    }
}
