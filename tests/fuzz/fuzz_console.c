/*
 * The console's back end as an enemy. As long as it plays by the rules, every byte comes out in
 * order, each newline as one CR LF. Once it does not, the ring is never written again.
 */
#include "fuzz.h"

#include <drivers/console.h>
#include <platform/clock.h>
#include <platform/evtchn.h>
#include <platform/vcpu.h>
#include <runtime/log.h>

#define OUT_SIZE sizeof(((struct xencons_interface *)0)->out)
#define IN_SIZE sizeof(((struct xencons_interface *)0)->in)
#define BYTES_MAX (1u << 20)

static struct {
    struct xencons_interface *ring;
    bool lied;
    char want[BYTES_MAX], got[BYTES_MAX];
    size_t want_len, got_len;
    char typed[BYTES_MAX];
    size_t typed_len, read_len;
    bool mid_line; /* the program's last byte was no newline: a log line brings one */
    bool lost; /* log lines may have been dropped: the order cannot be foretold */
} peer;

static void on_timer(void)
{
}

static void on_change(void *arg)
{
    (void)arg;
}

static void expect(const char *text, size_t len)
{
    for (size_t i = 0; i < len && peer.want_len + 2 < BYTES_MAX; i++) {
        if (text[i] == '\n')
            peer.want[peer.want_len++] = '\r';
        peer.want[peer.want_len++] = text[i];
    }
}

/* The honest back end reads. */
static void take(size_t n)
{
    uint32_t available = peer.ring->out_prod - peer.ring->out_cons;

    FUZZ_CHECK(available <= OUT_SIZE);
    while (n-- > 0 && peer.ring->out_cons != peer.ring->out_prod && peer.got_len < BYTES_MAX)
        peer.got[peer.got_len++] = peer.ring->out[peer.ring->out_cons++ % OUT_SIZE];
}

static void type(struct fuzz_input *input, size_t n)
{
    while (n-- > 0 && peer.ring->in_prod - peer.ring->in_cons < IN_SIZE &&
           peer.typed_len < BYTES_MAX) {
        char byte = (char)fuzz_byte(input);
        peer.ring->in[peer.ring->in_prod++ % IN_SIZE] = byte;
        peer.typed[peer.typed_len++] = byte;
    }
}

static void guest_write(struct fuzz_input *input)
{
    char text[4096];
    size_t len = fuzz_u16(input) % sizeof(text);
    uint8_t every = fuzz_byte(input);

    for (size_t i = 0; i < len; i++)
        text[i] = every != 0 && i % every == 0 ? '\n' : (char)('a' + (i + len) % 26);
    size_t taken = console_write(text, len);
    FUZZ_CHECK(taken <= len);
    expect(text, taken);
    if (taken > 0)
        peer.mid_line = text[taken - 1] != '\n';
}

static void guest_log(struct fuzz_input *input)
{
    static const char dots[] =
        "....................................................................";
    char line[256];
    uint8_t n = fuzz_byte(input);

    log_format(line, sizeof(line), "log %u %s", n, dots + n % sizeof(dots));
    log_line(LOG_INFO, "%s", line);
    if (peer.mid_line)
        expect("\n", 1);
    peer.mid_line = false;
    expect(line, strlen(line));
    expect("\n", 1);
    peer.lost |= peer.want_len - peer.got_len > 8192; /* the most that can be held */
}

static void guest_read(struct fuzz_input *input)
{
    char text[2048];
    size_t size = fuzz_u16(input) % sizeof(text);
    size_t n = console_read(text, size);

    FUZZ_CHECK(n <= size && n <= IN_SIZE);
    if (!peer.lied) {
        FUZZ_CHECK(n <= peer.typed_len - peer.read_len);
        FUZZ_CHECK(memcmp(text, peer.typed + peer.read_len, n) == 0);
        peer.read_len += n;
    }
}

static void lie(struct fuzz_input *input)
{
    uint32_t delta = (fuzz_byte(input) & 1) != 0 ? fuzz_u32(input) : fuzz_byte(input) - 128u;

    peer.lied = true;
    switch (fuzz_byte(input) & 3) {
    case 0:
        peer.ring->out_cons += delta;
        break;
    case 1:
        peer.ring->in_prod += delta;
        break;
    case 2:
        peer.ring->out_prod += delta;
        break;
    default:
        peer.ring->in_cons += delta;
    }
}

static void step(struct fuzz_input *input)
{
    unsigned before = console_ready() & CONSOLE_BROKEN;
    struct xencons_interface copy = *peer.ring;

    switch (fuzz_byte(input) % 10) {
    case 0:
    case 1:
        guest_write(input);
        break;
    case 2:
        guest_log(input);
        break;
    case 3:
        guest_read(input);
        break;
    case 4:
    case 5:
        if (!peer.lied)
            take(fuzz_u16(input) % 3000);
        copy = *peer.ring;
        break;
    case 6:
        if (!peer.lied)
            type(input, fuzz_byte(input));
        copy = *peer.ring;
        break;
    case 7:
        fakexen_raise(FAKEXEN_CONSOLE_PORT);
        break;
    case 8:
        if (fuzz_byte(input) < 8)
            console_drain();
        break;
    default:
        if (fuzz_byte(input) < 16)
            lie(input);
        copy = *peer.ring;
    }
    if (before != 0)
        FUZZ_CHECK(memcmp(&copy, peer.ring, sizeof(copy)) == 0);
    if (!peer.lied)
        FUZZ_CHECK((console_ready() & CONSOLE_BROKEN) == 0);
}

static void start(uint32_t index)
{
    static bool started;

    if (!started) {
        fakexen_start(NULL);
        clock_start(on_timer);
        console_set_listener(on_change, NULL);
        vcpu_restore_upcalls(false);
        started = true;
    }
    peer.ring = fakexen_console();
    peer.lied = peer.lost = peer.mid_line = false;
    peer.want_len = peer.got_len = peer.typed_len = peer.read_len = 0;
    memset(peer.ring, 0, sizeof(*peer.ring));
    peer.ring->out_cons = peer.ring->out_prod = index;
    peer.ring->in_cons = peer.ring->in_prod = index;
    console_start(); /* as after a resume */
}

/* Whatever our index is, one of these is a lie; broken, nothing is held any more. */
static void break_for_good(void)
{
    peer.ring->in_prod = peer.ring->in_cons + 2 * IN_SIZE;
    for (int i = 0; i < 4 && (console_ready() & CONSOLE_BROKEN) == 0; i++)
        peer.ring->in_prod += 2 * IN_SIZE;
    FUZZ_CHECK((console_ready() & CONSOLE_BROKEN) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, data + size };

    start(fuzz_u32(&input));
    while (fuzz_more(&input))
        step(&input);

    /* The next input finds nothing held: an honest back end takes it all, or the ring is broken. */
    for (int i = 0; i < 100 && !peer.lied; i++) {
        take(OUT_SIZE);
        fakexen_raise(FAKEXEN_CONSOLE_PORT);
        if (peer.ring->out_cons == peer.ring->out_prod)
            break;
    }
    if (!peer.lied && !peer.lost) {
        FUZZ_CHECK(peer.got_len == peer.want_len);
        FUZZ_CHECK(memcmp(peer.got, peer.want, peer.want_len) == 0);
    }
    if (peer.lied)
        break_for_good();
    return 0;
}
