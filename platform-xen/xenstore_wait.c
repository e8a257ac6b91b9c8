/* The forms of the xenstore client that wait: each is one request and a wait for its answer. */
#include <platform/xenstore.h>

#include <errno.h>
#include <string.h>

#include <platform/clock.h>
#include <platform/vcpu.h>

static void xenstore_boot_wait(const volatile bool *done, uint64_t deadline_ns)
{
    bool was_masked = vcpu_mask_upcalls();

    while (!*done && clock_monotonic_ns() < deadline_ns)
        vcpu_block(deadline_ns);
    vcpu_restore_upcalls(was_masked);
}

static void xenstore_boot_wake(void)
{
}

static const struct xenstore_waiter xenstore_boot_waiter = {
    .wait = xenstore_boot_wait,
    .wake = xenstore_boot_wake,
};

static const struct xenstore_waiter *xenstore_waiter = &xenstore_boot_waiter;

void xenstore_set_waiter(const struct xenstore_waiter *waiter)
{
    xenstore_waiter = waiter != NULL ? waiter : &xenstore_boot_waiter;
}

static void xenstore_call_done(struct xenstore_req *req)
{
    *(volatile bool *)req->arg = true;
    xenstore_waiter->wake();
}

/* Submit and wait for the answer. */
static int xenstore_call(struct xenstore_req *req)
{
    volatile bool done = false;

    req->done = xenstore_call_done;
    req->arg = (void *)&done;
    xenstore_submit(req);
    if (!done)
        xenstore_waiter->wait(&done, clock_monotonic_ns() + XENSTORE_TIMEOUT_NS);
    xenstore_cancel(req);
    return done ? req->status : -ETIMEDOUT;
}

static int xenstore_call_for_list(uint32_t type, uint32_t tx, const char *path, char *reply,
                                  size_t size, size_t *len)
{
    struct xenstore_req req = {
        .type = type,
        .tx_id = tx,
        .body = path,
        .body_len = strlen(path) + 1,
        .reply = reply,
        .reply_size = size,
    };
    int error = xenstore_call(&req);

    if (len != NULL)
        *len = req.reply_len;
    return error == 0 && reply != NULL && req.reply_len > size ? -ERANGE : error;
}

int xenstore_read_tx(uint32_t tx, const char *path, char *value, size_t size, size_t *len)
{
    size_t value_len;

    if (size == 0)
        return -ERANGE;
    int error = xenstore_call_for_list(XS_READ, tx, path, value, size - 1, &value_len);
    value[value_len < size ? value_len : size - 1] = '\0';
    if (len != NULL)
        *len = value_len;
    return error;
}

int xenstore_read(const char *path, char *value, size_t size, size_t *len)
{
    return xenstore_read_tx(0, path, value, size, len);
}

int xenstore_directory(const char *path, char *names, size_t size, size_t *len)
{
    return xenstore_call_for_list(XS_DIRECTORY, 0, path, names, size, len);
}

int xenstore_write_tx(uint32_t tx, const char *path, const char *value)
{
    struct xenstore_req req = {
        .type = XS_WRITE,
        .tx_id = tx,
        .body = path,
        .body_len = strlen(path) + 1,
        .tail = value,
        .tail_len = strlen(value),
    };

    return xenstore_call(&req);
}

int xenstore_write(const char *path, const char *value)
{
    return xenstore_write_tx(0, path, value);
}

int xenstore_remove(const char *path)
{
    return xenstore_call_for_list(XS_RM, 0, path, NULL, 0, NULL);
}

/* Strictly decimal, all of text. Returns 0 or -EINVAL. */
static int xenstore_parse_uint(const char *text, size_t len, uint64_t min, uint64_t max,
                               uint64_t *value)
{
    uint64_t number = 0;

    if (len == 0)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number))
            return -EINVAL;
    }
    if (number < min || number > max)
        return -EINVAL;
    *value = number;
    return 0;
}

int xenstore_read_uint(const char *path, uint64_t min, uint64_t max, uint64_t *value)
{
    char text[32];
    size_t len;
    int error = xenstore_read(path, text, sizeof(text), &len);

    if (error == -ERANGE)
        return -EINVAL;
    return error != 0 ? error : xenstore_parse_uint(text, len, min, max, value);
}

int xenstore_transaction_start(uint32_t *tx)
{
    char text[32];
    size_t len;
    uint64_t number;
    int error = xenstore_call_for_list(XS_TRANSACTION_START, 0, "", text, sizeof(text), &len);

    if (error != 0)
        return error;
    if (len > 0 && text[len - 1] == '\0')
        len--;
    error = xenstore_parse_uint(text, len, 1, UINT32_MAX, &number);
    if (error == 0)
        *tx = (uint32_t)number;
    return error;
}

int xenstore_transaction_end(uint32_t tx, bool commit)
{
    return xenstore_call_for_list(XS_TRANSACTION_END, tx, commit ? "T" : "F", NULL, 0, NULL);
}
