#include <platform/evtchn.h>

#include <errno.h>
#include <stddef.h>

#include <platform/barrier.h>
#include <platform/spinlock.h>
#include <platform/vcpu.h>

#include "evtchn_priv.h"
#include "hypercall.h"
#include "shared_info.h"

#define EVTCHN_PORTS 1024 /* xl's own default limit is 1023 */
#define EVTCHN_WORD_BITS (8 * sizeof(xen_ulong_t))
#define EVTCHN_ROUNDS 8 /* passes over the pending words in one upcall */

struct evtchn_binding {
    evtchn_handler_t handler; /* NULL: not bound */
    void *arg;
};

static struct spinlock evtchn_lock = SPINLOCK_INIT("evtchn"); /* protects evtchn_binding[] */
static struct evtchn_binding evtchn_binding[EVTCHN_PORTS];
static uint64_t evtchn_delivered; /* written by upcalls only */

static void evtchn_clear_bit(xen_ulong_t *words, evtchn_port_t port)
{
    __atomic_fetch_and(&words[port / EVTCHN_WORD_BITS],
                       ~((xen_ulong_t)1 << port % EVTCHN_WORD_BITS), __ATOMIC_SEQ_CST);
}

static void evtchn_set_bit(xen_ulong_t *words, evtchn_port_t port)
{
    __atomic_fetch_or(&words[port / EVTCHN_WORD_BITS], (xen_ulong_t)1 << port % EVTCHN_WORD_BITS,
                      __ATOMIC_SEQ_CST);
}

static void evtchn_handle(evtchn_port_t port)
{
    struct evtchn_binding binding = { NULL, NULL };

    /* First clear, then handle: what arrives from here on makes the handler run again. */
    evtchn_clear_bit(shared_info_page.evtchn_pending, port);
    if (port < EVTCHN_PORTS)
        binding = evtchn_binding[port];
    evtchn_delivered++;
    if (binding.handler != NULL)
        binding.handler(port, binding.arg);
    else
        evtchn_mask(port); /* nobody's: it shall not come again */
}

void evtchn_deliver(void)
{
    struct vcpu_info *info = &shared_info_page.vcpu_info[vcpu_id()];

    for (int round = 0; round < EVTCHN_ROUNDS; round++) {
        WRITE_ONCE(info->evtchn_upcall_pending, 0);
        barrier_full(); /* pairs with Xen, which sets the selector first and pending last */
        xen_ulong_t selector = __atomic_exchange_n(&info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
        if (selector == 0)
            return;
        while (selector != 0) {
            unsigned word = (unsigned)__builtin_ctzl(selector);
            selector &= selector - 1;
            xen_ulong_t ready = READ_ONCE(shared_info_page.evtchn_pending[word]) &
                                ~READ_ONCE(shared_info_page.evtchn_mask[word]);
            while (ready != 0) {
                unsigned bit = (unsigned)__builtin_ctzl(ready);
                ready &= ready - 1;
                evtchn_handle((evtchn_port_t)(word * EVTCHN_WORD_BITS + bit));
            }
        }
    }
    /* Still more: threads get their turn before the next batch, which pending asks for. */
    WRITE_ONCE(info->evtchn_upcall_pending, 1);
}

int evtchn_bind_port(evtchn_port_t port, evtchn_handler_t handler, void *arg)
{
    if (port >= EVTCHN_PORTS)
        return -ENOSPC;
    bool was_masked = spin_lock(&evtchn_lock);
    evtchn_binding[port] = (struct evtchn_binding){ handler, arg };
    spin_unlock(&evtchn_lock, was_masked);
    evtchn_unmask(port);
    return 0;
}

/* Bind a port that Xen has just made, or give it back. */
static int evtchn_take(evtchn_port_t made, evtchn_handler_t handler, void *arg, evtchn_port_t *port)
{
    int error = evtchn_bind_port(made, handler, arg);

    if (error != 0) {
        struct evtchn_close give_back = { .port = made };
        hypercall_event_channel_op(EVTCHNOP_close, &give_back);
        return error;
    }
    *port = made;
    return 0;
}

int evtchn_alloc_unbound(domid_t remote, evtchn_handler_t handler, void *arg, evtchn_port_t *port)
{
    struct evtchn_alloc_unbound op = { .dom = DOMID_SELF, .remote_dom = remote };
    long error = hypercall_event_channel_op(EVTCHNOP_alloc_unbound, &op);

    return error != 0 ? (int)error : evtchn_take(op.port, handler, arg, port);
}

int evtchn_bind_interdomain(domid_t remote, evtchn_port_t remote_port, evtchn_handler_t handler,
                            void *arg, evtchn_port_t *port)
{
    struct evtchn_bind_interdomain op = { .remote_dom = remote, .remote_port = remote_port };
    long error = hypercall_event_channel_op(EVTCHNOP_bind_interdomain, &op);

    return error != 0 ? (int)error : evtchn_take(op.local_port, handler, arg, port);
}

int evtchn_bind_virq(uint32_t virq, evtchn_handler_t handler, void *arg, evtchn_port_t *port)
{
    struct evtchn_bind_virq op = { .virq = virq, .vcpu = vcpu_id() };
    long error = hypercall_event_channel_op(EVTCHNOP_bind_virq, &op);

    return error != 0 ? (int)error : evtchn_take(op.port, handler, arg, port);
}

void evtchn_mask(evtchn_port_t port)
{
    evtchn_set_bit(shared_info_page.evtchn_mask, port);
}

void evtchn_unmask(evtchn_port_t port)
{
    struct vcpu_info *info = &shared_info_page.vcpu_info[vcpu_id()];
    unsigned word = port / EVTCHN_WORD_BITS;
    bool was_masked = vcpu_mask_upcalls();

    evtchn_clear_bit(shared_info_page.evtchn_mask, port);
    /* Xen made no upcall for what became pending under the mask: do its part. */
    if ((READ_ONCE(shared_info_page.evtchn_pending[word]) >> port % EVTCHN_WORD_BITS & 1) != 0) {
        __atomic_fetch_or(&info->evtchn_pending_sel, (xen_ulong_t)1 << word, __ATOMIC_SEQ_CST);
        WRITE_ONCE(info->evtchn_upcall_pending, 1);
    }
    vcpu_restore_upcalls(was_masked);
}

void evtchn_notify(evtchn_port_t port)
{
    struct evtchn_send op = { .port = port };

    hypercall_event_channel_op(EVTCHNOP_send, &op);
}

void evtchn_close(evtchn_port_t port)
{
    struct evtchn_close op = { .port = port };

    evtchn_mask(port);
    bool was_masked = spin_lock(&evtchn_lock);
    if (port < EVTCHN_PORTS)
        evtchn_binding[port] = (struct evtchn_binding){ NULL, NULL };
    spin_unlock(&evtchn_lock, was_masked);
    hypercall_event_channel_op(EVTCHNOP_close, &op);
    evtchn_clear_bit(shared_info_page.evtchn_pending, port);
}

uint64_t evtchn_count(void)
{
    return evtchn_delivered;
}

void evtchn_start(void)
{
    struct shared_info *shared = &shared_info_page;

    for (size_t i = 0; i < sizeof(shared->evtchn_mask) / sizeof(shared->evtchn_mask[0]); i++)
        shared->evtchn_mask[i] = ~(xen_ulong_t)0;
}
