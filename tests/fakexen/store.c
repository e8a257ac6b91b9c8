/*
 * xenstored: a tree of nodes, watches and transactions behind the domain's ring, on which it runs as
 * the real server does: bytes in, bytes out, whatever fits.
 *
 * A transaction works on a copy of the tree; committing fails with EAGAIN when the tree has changed
 * since the copy was made.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <platform/barrier.h>
#include <platform/start_info.h>

#include "fakexen_priv.h"

#define STORE_HEADER sizeof(struct xsd_sockmsg)
#define STORE_TRANSACTIONS 16u

struct store_node {
    struct store_node *next;
    char *path; /* absolute */
    char *value;
    size_t len;
};

struct store_watch {
    struct store_watch *next;
    char *path;           /* absolute, */
    size_t relative_from; /* or shown to the guest from here on */
    char *token;
};

struct store_tree {
    struct store_node *nodes; /* by path */
    unsigned changes;
};

static struct store_transaction {
    uint32_t id;
    struct store_tree tree;
    unsigned began_at; /* changes of the real tree then */
} store_transaction[STORE_TRANSACTIONS];

static struct {
    struct store_tree tree;
    struct store_watch *watches;
    uint32_t last_tx;
    /* The request being read. */
    char in[STORE_HEADER + XENSTORE_PAYLOAD_MAX];
    size_t in_len;
    /* What is still to be written. */
    char *out;
    size_t out_at, out_len;
    size_t slow;
    bool stopped;
    unsigned requests;
    const char *refuse;
    const char *refuse_path, *refuse_path_error, *refuse_watches;
    void (*before)(unsigned request);
} store;

static void *store_need(void *memory)
{
    FAKEXEN_CHECK(memory != NULL);
    return memory;
}

static void store_copy_bytes(char **to, const char *from, size_t len)
{
    free(*to);
    *to = store_need(calloc(len + 1, 1)); /* also ends strings */
    memcpy(*to, from, len);
}

/* ---- the tree ---- */

static struct store_node **store_find(struct store_tree *tree, const char *path)
{
    struct store_node **at = &tree->nodes;

    while (*at != NULL && strcmp((*at)->path, path) < 0)
        at = &(*at)->next;
    return at;
}

static struct store_node *store_get(struct store_tree *tree, const char *path)
{
    struct store_node *node = *store_find(tree, path);

    return node != NULL && strcmp(node->path, path) == 0 ? node : NULL;
}

static void store_put(struct store_tree *tree, const char *path, const char *value, size_t len)
{
    struct store_node **at = store_find(tree, path);

    if (*at == NULL || strcmp((*at)->path, path) != 0) {
        struct store_node *node = store_need(calloc(1, sizeof(*node)));
        store_copy_bytes(&node->path, path, strlen(path));
        node->next = *at;
        *at = node;
    }
    store_copy_bytes(&(*at)->value, value, len);
    (*at)->len = len;
    tree->changes++;
}

static bool store_is_below(const char *path, const char *parent)
{
    size_t len = strlen(parent);

    return strncmp(path, parent, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool store_delete(struct store_tree *tree, const char *path)
{
    struct store_node **at = store_find(tree, path);
    bool found = false;

    for (at = &tree->nodes; *at != NULL;) {
        struct store_node *node = *at;

        if (!store_is_below(node->path, path)) {
            at = &node->next;
            continue;
        }
        *at = node->next;
        free(node->path);
        free(node->value);
        free(node);
        found = true;
    }
    tree->changes += found;
    return found;
}

static void store_clear(struct store_tree *tree)
{
    while (tree->nodes != NULL) {
        struct store_node *node = tree->nodes;
        tree->nodes = node->next;
        free(node->path);
        free(node->value);
        free(node);
    }
}

static void store_clone(struct store_tree *to, struct store_tree *from)
{
    to->nodes = NULL;
    for (struct store_node *node = from->nodes; node != NULL; node = node->next)
        store_put(to, node->path, node->value, node->len);
    to->changes = 0;
}

/* ---- answers ---- */

static void store_queue(const void *bytes, size_t len)
{
    store.out = store_need(realloc(store.out, store.out_len + len + 1));
    memcpy(store.out + store.out_len, bytes, len);
    store.out_len += len;
}

static void store_reply(const struct xsd_sockmsg *to, uint32_t type, const void *body, size_t len)
{
    struct xsd_sockmsg header = {
        .type = type,
        .req_id = to->req_id,
        .tx_id = to->tx_id,
        .len = (uint32_t)len,
    };

    store_queue(&header, sizeof(header));
    store_queue(body, len);
}

static void store_error(const struct xsd_sockmsg *to, const char *name)
{
    store_reply(to, XS_ERROR, name, strlen(name) + 1);
}

static void store_ok(const struct xsd_sockmsg *to)
{
    store_reply(to, to->type, "OK", 3);
}

static void store_fire(const struct store_watch *watch, const char *path)
{
    char body[XENSTORE_PAYLOAD_MAX];
    struct xsd_sockmsg header = { .type = XS_WATCH_EVENT };
    int len = snprintf(body, sizeof(body), "%s%c%s%c", path + watch->relative_from, '\0',
                       watch->token, '\0');

    header.len = (uint32_t)len;
    store_queue(&header, sizeof(header));
    store_queue(body, (size_t)len);
}

static void store_changed(const char *path)
{
    for (struct store_watch *watch = store.watches; watch != NULL; watch = watch->next) {
        if (store_is_below(path, watch->path) || store_is_below(watch->path, path))
            store_fire(watch, store_is_below(path, watch->path) ? path : watch->path);
    }
}

/* ---- requests ---- */

struct store_request {
    const struct xsd_sockmsg *header;
    const char *body;
    size_t len;
    size_t path_len; /* of the first string */
    char path[XENSTORE_PAYLOAD_MAX + 64];
    size_t relative_from;
    struct store_tree *tree;
};

static struct store_transaction *store_find_transaction(uint32_t id)
{
    for (unsigned i = 0; i < STORE_TRANSACTIONS; i++) {
        if (store_transaction[i].id == id)
            return &store_transaction[i];
    }
    return NULL;
}

static void store_list(struct store_request *request)
{
    char names[2 * XENSTORE_PAYLOAD_MAX];
    size_t len = 0, path_len = strlen(request->path);
    const char *last = "";
    size_t last_len = 0;
    bool exists = false;

    for (struct store_node *node = request->tree->nodes; node != NULL; node = node->next) {
        if (!store_is_below(node->path, request->path))
            continue;
        exists = true;
        if (node->path[path_len] == '\0')
            continue;
        const char *name = node->path + path_len + 1;
        size_t name_len = strcspn(name, "/");
        if (name_len == last_len && memcmp(name, last, name_len) == 0)
            continue;
        if (len + name_len + 1 > sizeof(names))
            break;
        memcpy(names + len, name, name_len);
        names[len + name_len] = '\0';
        len += name_len + 1;
        last = name;
        last_len = name_len;
    }
    if (!exists)
        store_error(request->header, "ENOENT");
    else if (len > XENSTORE_PAYLOAD_MAX)
        store_error(request->header, "E2BIG");
    else
        store_reply(request->header, XS_DIRECTORY, names, len);
}

static void store_read_node(struct store_request *request)
{
    struct store_node *node = store_get(request->tree, request->path);

    if (node == NULL)
        store_error(request->header, "ENOENT");
    else
        store_reply(request->header, XS_READ, node->value, node->len);
}

/*
 * The directories of devices are the guest's, but device/ and device/TYPE are the tool stack's: below
 * them the guest makes no node of its own, as of a device that was unplugged just now.
 */
static bool store_may_write(struct store_request *request)
{
    char device[XENSTORE_PAYLOAD_MAX + 64];
    size_t len = (size_t)sprintf(device, "/local/domain/%u/device/", FAKEXEN_DOMID);

    if (strncmp(request->path, device, len) != 0)
        return true;
    len += strcspn(request->path + len, "/");      /* the type */
    len += request->path[len] == '/';
    len += strcspn(request->path + len, "/");      /* the number */
    memcpy(device, request->path, len);
    device[len] = '\0';
    for (struct store_node *node = request->tree->nodes; node != NULL; node = node->next) {
        if (store_is_below(node->path, device))
            return true;
    }
    return false;
}

static void store_write_node(struct store_request *request)
{
    size_t at = request->path_len + 1;

    if (!store_may_write(request)) {
        store_error(request->header, "EACCES");
        return;
    }
    store_put(request->tree, request->path, request->body + at, request->len - at);
    store_ok(request->header);
    if (request->tree == &store.tree)
        store_changed(request->path);
}

static void store_remove_node(struct store_request *request)
{
    if (!store_delete(request->tree, request->path)) {
        store_error(request->header, "ENOENT");
        return;
    }
    store_ok(request->header);
    if (request->tree == &store.tree)
        store_changed(request->path);
}

static struct store_watch **store_find_watch(const char *path, const char *token)
{
    struct store_watch **at = &store.watches;

    while (*at != NULL && (strcmp((*at)->path, path) != 0 || strcmp((*at)->token, token) != 0))
        at = &(*at)->next;
    return at;
}

static void store_add_watch(struct store_request *request, const char *token)
{
    struct store_watch *watch;

    if (store.refuse_watches != NULL) {
        store_error(request->header, store.refuse_watches);
        return;
    }
    if (*store_find_watch(request->path, token) != NULL) {
        store_error(request->header, "EEXIST");
        return;
    }
    watch = store_need(calloc(1, sizeof(*watch)));
    store_copy_bytes(&watch->path, request->path, strlen(request->path));
    store_copy_bytes(&watch->token, token, strlen(token));
    watch->relative_from = request->relative_from;
    watch->next = store.watches;
    store.watches = watch;
    store_ok(request->header);
    store_fire(watch, watch->path);
}

static void store_free_watch(struct store_watch **at)
{
    struct store_watch *watch = *at;

    *at = watch->next;
    free(watch->path);
    free(watch->token);
    free(watch);
}

static void store_drop_watch(struct store_request *request, const char *token)
{
    struct store_watch **at = store_find_watch(request->path, token);

    if (*at == NULL) {
        store_error(request->header, "ENOENT");
        return;
    }
    store_free_watch(at);
    store_ok(request->header);
}

static void store_begin(struct store_request *request)
{
    struct store_transaction *tx = store_find_transaction(0);
    char id[16];

    if (tx == NULL) {
        store_error(request->header, "ENOSPC");
        return;
    }
    tx->id = ++store.last_tx;
    tx->began_at = store.tree.changes;
    store_clone(&tx->tree, &store.tree);
    int len = snprintf(id, sizeof(id), "%u", tx->id);
    store_reply(request->header, XS_TRANSACTION_START, id, (size_t)len + 1);
}

static void store_end(struct store_request *request)
{
    struct store_transaction *tx = store_find_transaction(request->header->tx_id);
    bool commit = request->len > 0 && request->body[0] == 'T';

    if (request->header->tx_id == 0 || tx == NULL) {
        store_error(request->header, "ENOENT");
        return;
    }
    tx->id = 0;
    if (commit && tx->began_at != store.tree.changes) {
        store_clear(&tx->tree);
        store_error(request->header, "EAGAIN");
        return;
    }
    if (commit) {
        store_clear(&store.tree);
        store.tree.nodes = tx->tree.nodes;
        store.tree.changes += tx->tree.changes;
    } else {
        store_clear(&tx->tree);
    }
    tx->tree.nodes = NULL;
    store_ok(request->header);
}

/* The first string of the payload as an absolute path. False when it is none. */
static bool store_take_path(struct store_request *request)
{
    request->path_len = strnlen(request->body, request->len);
    if (request->path_len == 0 || request->path_len == request->len ||
        request->path_len > XENSTORE_ABS_PATH_MAX)
        return false;
    if (request->body[0] == '/') {
        strcpy(request->path, request->body);
        request->relative_from = 0;
    } else {
        request->relative_from = (size_t)sprintf(request->path, "/local/domain/%u/", FAKEXEN_DOMID);
        strcpy(request->path + request->relative_from, request->body);
    }
    return true;
}

static void store_serve(const struct xsd_sockmsg *header, const char *body)
{
    static struct store_request request;
    const char *token;

    request = (struct store_request){ .header = header, .body = body, .len = header->len };
    store.requests++;
    if (store.before != NULL)
        store.before(store.requests);
    if (header->type == XS_TRANSACTION_START) {
        store_begin(&request);
        return;
    }
    if (header->type == XS_TRANSACTION_END) {
        store_end(&request);
        return;
    }
    if (!store_take_path(&request)) {
        store_error(header, "EINVAL");
        return;
    }
    request.tree = &store.tree;
    if (header->tx_id != 0) {
        struct store_transaction *tx = store_find_transaction(header->tx_id);
        if (tx == NULL) {
            store_error(header, "ENOENT");
            return;
        }
        request.tree = &tx->tree;
    }
    token = body + request.path_len + 1;
    if ((header->type == XS_WATCH || header->type == XS_UNWATCH) &&
        (token >= body + header->len ||
         token + strnlen(token, XENSTORE_PAYLOAD_MAX) + 1 != body + header->len)) {
        store_error(header, "EINVAL");
        return;
    }
    if (store.refuse != NULL && (header->type == XS_WRITE || header->type == XS_RM)) {
        store_error(header, store.refuse);
        return;
    }
    if (store.refuse_path_error != NULL &&
        (header->type == XS_READ || header->type == XS_DIRECTORY) &&
        store_is_below(request.path, store.refuse_path)) {
        store_error(header, store.refuse_path_error);
        return;
    }
    switch (header->type) {
    case XS_READ:
        store_read_node(&request);
        return;
    case XS_DIRECTORY:
        store_list(&request);
        return;
    case XS_WRITE:
        store_write_node(&request);
        return;
    case XS_RM:
        store_remove_node(&request);
        return;
    case XS_WATCH:
        store_add_watch(&request, token);
        return;
    case XS_UNWATCH:
        store_drop_watch(&request, token);
        return;
    default:
        store_error(header, "ENOSYS");
    }
}

/* ---- the ring ---- */

static bool store_read_ring(void)
{
    struct xenstore_domain_interface *page = fakexen_store();
    uint32_t prod = READ_ONCE(page->req_prod), cons = page->req_cons;
    bool moved = false;

    FAKEXEN_CHECK(prod - cons <= XENSTORE_RING_SIZE);
    for (size_t n = 0; cons != prod && (store.slow == 0 || n < store.slow); n++) {
        struct xsd_sockmsg header;

        store.in[store.in_len++] = page->req[MASK_XENSTORE_IDX(cons++)];
        moved = true;
        if (store.in_len < STORE_HEADER)
            continue;
        memcpy(&header, store.in, STORE_HEADER);
        FAKEXEN_CHECK(header.len <= XENSTORE_PAYLOAD_MAX);
        if (store.in_len == STORE_HEADER + header.len) {
            char body[XENSTORE_PAYLOAD_MAX + 1];
            memcpy(body, store.in + STORE_HEADER, header.len);
            body[header.len] = '\0';
            store.in_len = 0;
            store_serve(&header, body);
        }
    }
    page->req_cons = cons;
    return moved;
}

static bool store_write_ring(void)
{
    struct xenstore_domain_interface *page = fakexen_store();
    uint32_t cons = READ_ONCE(page->rsp_cons), prod = page->rsp_prod;
    bool moved = false;

    FAKEXEN_CHECK(prod - cons <= XENSTORE_RING_SIZE);
    for (size_t n = 0; store.out_at < store.out_len && prod - cons < XENSTORE_RING_SIZE &&
                       (store.slow == 0 || n < store.slow);
         n++) {
        page->rsp[MASK_XENSTORE_IDX(prod++)] = store.out[store.out_at++];
        moved = true;
    }
    page->rsp_prod = prod;
    if (store.out_at == store.out_len)
        store.out_at = store.out_len = 0;
    return moved;
}

static void store_run(void *arg)
{
    static bool running; /* a hook changes the tree: what follows from it goes out with the rest */
    bool moved = false, again = !store.stopped;

    (void)arg;
    if (running)
        return;
    running = true;
    while (again) {
        again = store_read_ring();
        again |= store_write_ring();
        moved |= again;
        if (again && store.slow != 0) { /* the rest another time, after the guest had its turn */
            fakexen_peer_again(FAKEXEN_STORE_PORT);
            break;
        }
    }
    running = false;
    if (moved)
        fakexen_raise(FAKEXEN_STORE_PORT);
}

void fakexen_store_start(void)
{
    fakexen_set_peer(FAKEXEN_STORE_PORT, store_run, NULL);
}

/* ---- from outside ---- */

void fakexen_store_write(const char *path, const char *value)
{
    if (value != NULL)
        store_put(&store.tree, path, value, strlen(value));
    else
        store_delete(&store.tree, path);
    store_changed(path);
    store_run(NULL);
}

const char *fakexen_store_read(const char *path)
{
    struct store_node *node = store_get(&store.tree, path);

    return node != NULL ? node->value : NULL;
}

unsigned fakexen_store_watches(void)
{
    unsigned n = 0;

    for (struct store_watch *watch = store.watches; watch != NULL; watch = watch->next)
        n++;
    return n;
}

unsigned fakexen_store_transactions(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < STORE_TRANSACTIONS; i++)
        n += store_transaction[i].id != 0;
    return n;
}

void fakexen_store_forget_watches(void)
{
    while (store.watches != NULL)
        store_free_watch(&store.watches);
    store.in_len = 0;
    store.out_at = store.out_len = 0;
}

void fakexen_store_slow(size_t bytes)
{
    store.slow = bytes;
}

void fakexen_store_stop(bool stopped)
{
    store.stopped = stopped;
    if (!stopped)
        store_run(NULL);
}

unsigned fakexen_store_requests(void)
{
    return store.requests;
}

void fakexen_store_refuse(const char *error)
{
    store.refuse = error;
}

void fakexen_store_refuse_path(const char *path, const char *error)
{
    store.refuse_path = path;
    store.refuse_path_error = error;
}

void fakexen_store_refuse_watches(const char *error)
{
    store.refuse_watches = error;
}

void fakexen_store_set_hook(void (*before)(unsigned request))
{
    store.before = before;
}

void fakexen_store_say(const void *bytes, size_t len)
{
    struct xenstore_domain_interface *page = fakexen_store();

    FAKEXEN_CHECK(len <= XENSTORE_RING_SIZE - (page->rsp_prod - page->rsp_cons));
    for (size_t i = 0; i < len; i++)
        page->rsp[MASK_XENSTORE_IDX(page->rsp_prod + i)] = ((const char *)bytes)[i];
    page->rsp_prod += (uint32_t)len;
    fakexen_raise(FAKEXEN_STORE_PORT);
}
