/*
 * xenolith-gdbserver: gdb's remote serial protocol for one PV domain, on stdin and stdout.
 *
 * `xenolith gdb` starts it in dom0 and joins it to a gdb outside. The domain is stopped when gdb
 * comes and runs on when gdb goes. See target.h for how it is held.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../cli.h"
#include "../domain.h"
#include "../guest.h"
#include "../store.h"
#include "packet.h"
#include "target.h"
#include "threads.h"

#define SERVER_LOOK_MS 10 /* how soon a breakpoint is noticed */
#define SERVER_SIGINT 2
#define SERVER_SIGTRAP 5

static const char server_help[] =
    "usage: xenolith-gdbserver [OPTIONS] DOMAIN\n"
    "\n"
    "Let a gdb debug the running PV guest DOMAIN (a name or number): speaks gdb's remote protocol on\n"
    "stdin and stdout. `xenolith gdb` uses it; by hand, in dom0:\n"
    "\n"
    "  gdb -ex 'target remote | xenolith-gdbserver DOMAIN' IMAGE\n"
    "\n"
    "The guest is stopped when gdb comes and runs on when gdb goes. Xen needs no gdbsx support.\n"
    "\n"
    "      --threads LAYOUT   where the guest keeps its threads: seven hexadecimal numbers with commas,\n"
    "                         which `xenolith gdb` reads out of the image\n"
    "      --help             this text\n"
    "      --version          the version\n"
    "\n"
    "Exit status: 0 when gdb has left, 125 when the domain could not be taken.\n";

static const struct option server_options[] = {
    { "threads", required_argument, NULL, 't' },
    CLI_COMMON_OPTIONS,
    { 0 },
};

static const char server_features[] =
    "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
    "<architecture>i386:x86-64</architecture>"
    "<feature name=\"org.gnu.gdb.i386.core\">"
    "<flags id=\"eflags\" size=\"4\">"
    "<field name=\"CF\" start=\"0\" end=\"0\"/><field name=\"PF\" start=\"2\" end=\"2\"/>"
    "<field name=\"AF\" start=\"4\" end=\"4\"/><field name=\"ZF\" start=\"6\" end=\"6\"/>"
    "<field name=\"SF\" start=\"7\" end=\"7\"/><field name=\"TF\" start=\"8\" end=\"8\"/>"
    "<field name=\"IF\" start=\"9\" end=\"9\"/><field name=\"DF\" start=\"10\" end=\"10\"/>"
    "<field name=\"OF\" start=\"11\" end=\"11\"/></flags>"
#define SERVER_LONG(name) "<reg name=\"" name "\" bitsize=\"64\" type=\"int64\"/>"
#define SERVER_SEGMENT(name) "<reg name=\"" name "\" bitsize=\"32\" type=\"int32\"/>"
#define SERVER_FPU(name) "<reg name=\"" name "\" bitsize=\"80\" type=\"i387_ext\"/>"
#define SERVER_FPU_WORD(name) "<reg name=\"" name "\" bitsize=\"32\" type=\"int\" group=\"float\"/>"
    SERVER_LONG("rax") SERVER_LONG("rbx") SERVER_LONG("rcx") SERVER_LONG("rdx")
    SERVER_LONG("rsi") SERVER_LONG("rdi")
    "<reg name=\"rbp\" bitsize=\"64\" type=\"data_ptr\"/>"
    "<reg name=\"rsp\" bitsize=\"64\" type=\"data_ptr\"/>"
    SERVER_LONG("r8") SERVER_LONG("r9") SERVER_LONG("r10") SERVER_LONG("r11")
    SERVER_LONG("r12") SERVER_LONG("r13") SERVER_LONG("r14") SERVER_LONG("r15")
    "<reg name=\"rip\" bitsize=\"64\" type=\"code_ptr\"/>"
    "<reg name=\"eflags\" bitsize=\"32\" type=\"eflags\"/>"
    SERVER_SEGMENT("cs") SERVER_SEGMENT("ss") SERVER_SEGMENT("ds") SERVER_SEGMENT("es")
    SERVER_SEGMENT("fs") SERVER_SEGMENT("gs")
    SERVER_FPU("st0") SERVER_FPU("st1") SERVER_FPU("st2") SERVER_FPU("st3")
    SERVER_FPU("st4") SERVER_FPU("st5") SERVER_FPU("st6") SERVER_FPU("st7")
    SERVER_FPU_WORD("fctrl") SERVER_FPU_WORD("fstat") SERVER_FPU_WORD("ftag")
    SERVER_FPU_WORD("fiseg") SERVER_FPU_WORD("fioff") SERVER_FPU_WORD("foseg")
    SERVER_FPU_WORD("fooff") SERVER_FPU_WORD("fop")
    "</feature></target>";

static struct {
    int domid;
    bool swbreak;      /* gdb knows that word in stop replies */
    char last[64];     /* the last stop reply, for `?` */
    bool over;         /* gdb has detached */
    uint32_t selected; /* the thread that gdb asks about */
} server;

/* ---- registers, in the order of server_features */

static char *server_put(char *hex, const void *bytes, size_t n)
{
    packet_to_hex(hex, bytes, n);
    return hex + 2 * n;
}

/* FXSAVE keeps one bit a register where gdb wants the full tag word: 3 is empty, 0 in use. */
static uint32_t server_tags(const uint8_t *fpu)
{
    uint32_t tags = 0;

    for (unsigned i = 0; i < 8; i++)
        if ((fpu[4] >> i & 1) == 0)
            tags |= 3u << 2 * i;
    return tags;
}

/* Of the thread that gdb has selected. */
static void server_get_registers(struct target_registers *registers)
{
    const struct threads_one *thread = threads_find(server.selected);

    if (thread == NULL || thread->is_current || !threads_get_registers(thread, registers))
        target_get_registers(registers);
}

/* Only the running thread's can be changed. */
static bool server_set_registers(const struct target_registers *registers)
{
    const struct threads_one *thread = threads_find(server.selected);

    return thread != NULL && thread->is_current && target_set_registers(registers);
}

static void server_send_registers(void)
{
    static const struct {
        uint8_t at, size;
    } words[] = { { 0, 2 }, { 2, 2 }, { 0, 0 }, { 12, 2 }, { 8, 4 }, { 20, 2 }, { 16, 4 }, { 6, 2 } };
    struct target_registers registers;
    char hex[1024], *at = hex;

    server_get_registers(&registers);
    for (int i = TARGET_RAX; i <= TARGET_RIP; i++)
        at = server_put(at, &registers.value[i], 8);
    for (int i = TARGET_RFLAGS; i <= TARGET_GS; i++)
        at = server_put(at, &registers.value[i], 4);
    for (int i = 0; i < 8; i++)
        at = server_put(at, registers.fpu + 32 + 16 * i, 10);
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        uint32_t word = 0;
        if (i == 2)
            word = server_tags(registers.fpu);
        memcpy(&word, registers.fpu + words[i].at, words[i].size);
        at = server_put(at, &word, 4);
    }
    packet_send(hex);
}

/* The general registers and flags are taken, the rest stays. */
static void server_take_registers(const char *hex)
{
    struct target_registers registers;

    server_get_registers(&registers);
    for (int i = TARGET_RAX; i <= TARGET_RIP; i++, hex += 16)
        if (packet_from_hex(&registers.value[i], 8, hex) != 8) {
            packet_send("E01");
            return;
        }
    uint32_t flags;
    if (packet_from_hex(&flags, 4, hex) == 4)
        registers.value[TARGET_RFLAGS] = flags;
    packet_send(server_set_registers(&registers) ? "OK" : "E01");
}

static void server_take_register(const char *text)
{
    struct target_registers registers;
    uint64_t number, value = 0;

    server_get_registers(&registers);
    if (!packet_number(&text, &number) || *text != '=' || number > TARGET_RFLAGS) {
        packet_send("E01");
        return;
    }
    size_t size = number == TARGET_RFLAGS ? 4 : 8;
    if (packet_from_hex(&value, size, text + 1) != size) {
        packet_send("E01");
        return;
    }
    registers.value[number] = value;
    packet_send(server_set_registers(&registers) ? "OK" : "E01");
}

/* ---- memory and breakpoints */

static void server_read_memory(const char *text)
{
    static uint8_t bytes[PACKET_MAX / 2];
    static char hex[PACKET_MAX + 1];
    uint64_t address, n;

    if (!packet_number(&text, &address) || *text++ != ',' || !packet_number(&text, &n)) {
        packet_send("E01");
        return;
    }
    size_t got = target_read(address, bytes, n < sizeof(bytes) ? n : sizeof(bytes));
    packet_to_hex(hex, bytes, got);
    packet_send(got > 0 || n == 0 ? hex : "E0e");
}

static void server_write_memory(const char *text)
{
    static uint8_t bytes[PACKET_MAX / 2];
    uint64_t address, n;

    if (!packet_number(&text, &address) || *text++ != ',' || !packet_number(&text, &n) ||
        *text++ != ':' || n > sizeof(bytes) || packet_from_hex(bytes, n, text) != n) {
        packet_send("E01");
        return;
    }
    packet_send(target_write(address, bytes, n) == n ? "OK" : "E0e");
}

/* Z0,ADDRESS,KIND and z0,...; other kinds (hardware, watchpoints) are not offered. */
static void server_breakpoint(const char *text, bool insert)
{
    uint64_t address;

    if (text[0] != '0' || text[1] != ',') {
        packet_send("");
        return;
    }
    text += 2;
    if (!packet_number(&text, &address))
        packet_send("E01");
    else if (insert)
        packet_send(target_insert_breakpoint(address) ? "OK" : "E0e");
    else
        packet_send(target_remove_breakpoint(address) ? "OK" : "E0e");
}

/* ---- running */

static void server_say_stop(enum target_event event, bool interrupted)
{
    bool exists = event != TARGET_ENDED && event != TARGET_GONE;
    int status = 0;

    if (exists) {
        threads_refresh();
        server.selected = threads_current()->id;
        bool at_breakpoint = event == TARGET_BREAKPOINT;
        snprintf(server.last, sizeof(server.last), "T%02x%sthread:%x;",
                 interrupted && !at_breakpoint ? SERVER_SIGINT : SERVER_SIGTRAP,
                 at_breakpoint && server.swbreak ? "swbreak:;" : "", server.selected);
    } else if (guest_read_end(server.domid, &status) == GUEST_EXITED)
        snprintf(server.last, sizeof(server.last), "W%02x", (unsigned)status);
    else /* a signal of gdb's numbering: SIGABRT for a crash, SIGKILL for a domain that was destroyed */
        snprintf(server.last, sizeof(server.last), "X%02x", event == TARGET_ENDED ? 6u : 9u);
    packet_send(server.last);
}

static void server_run(bool step)
{
    static struct packet ignored;
    enum target_event event = TARGET_RUNS;
    bool interrupted = false;
    int wait_ms = 1; /* most steps and many breakpoints are over at once */

    target_resume(step);
    while (event == TARGET_RUNS) {
        switch (packet_receive(&ignored, wait_ms)) {
        case PACKET_INTERRUPT:
            interrupted = true;
            event = target_interrupt();
            break;
        case PACKET_END:
            server.over = true;
            return;
        default:
            event = target_look();
        }
        if (wait_ms < SERVER_LOOK_MS)
            wait_ms++;
    }
    server_say_stop(event, interrupted);
}

/* Whether the first action of a vCont is for a thread that does not run. */
static bool server_is_for_another(const char *actions)
{
    const char *at = actions + strcspn(actions, ":;");
    uint64_t id;

    return *at++ == ':' && packet_number(&at, &id) && id != 0 && id != threads_current()->id;
}

/*
 * vCont;ACTION[:THREAD]... Only the running thread can be stepped; for another one the guest runs on
 * until a breakpoint, which is what `finish` and `until` need.
 */
static void server_vcont(const char *text)
{
    if (strcmp(text, "?") == 0)
        packet_send("vCont;c;C;s;S");
    else if (text[0] != ';' || text[1] == '\0' || strchr("cCsS", text[1]) == NULL)
        packet_send("E01");
    else
        server_run((text[1] == 's' || text[1] == 'S') && !server_is_for_another(text + 1));
}

/* ---- questions */

static void server_features_part(const char *text)
{
    uint64_t offset, n;

    if (!packet_number(&text, &offset) || *text++ != ',' || !packet_number(&text, &n)) {
        packet_send("E01");
        return;
    }
    size_t size = sizeof(server_features) - 1;
    if (offset > size)
        offset = size;
    if (n > PACKET_MAX - 1)
        n = PACKET_MAX - 1;
    bool last = n >= size - offset;
    packet_sendf("%c%.*s", last ? 'l' : 'm', (int)(last ? size - offset : n),
                 server_features + offset);
}

static void server_send_threads(void)
{
    static char text[PACKET_MAX + 1];
    size_t n, len = 0;
    const struct threads_one *all = threads_all(&n);

    for (size_t i = 0; i < n && len + 16 < sizeof(text); i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%c%x", i == 0 ? 'm' : ',',
                                all[i].id);
    packet_send(text);
}

static void server_name_thread(const char *text)
{
    char hex[2 * sizeof(((struct threads_one *)0)->name) + 1];
    uint64_t id;

    const struct threads_one *thread = packet_number(&text, &id) ? threads_find((uint32_t)id) : NULL;
    packet_to_hex(hex, thread != NULL ? thread->name : "", thread != NULL ? strlen(thread->name) : 0);
    packet_send(hex);
}

/* Hg ID and Hc ID; 0 and -1 leave the choice to us. */
static void server_select(const char *text)
{
    uint64_t id;
    bool for_registers = *text++ == 'g';

    if (!packet_number(&text, &id) || id == 0)
        id = threads_current()->id;
    if (threads_find((uint32_t)id) == NULL) {
        packet_send("E01");
        return;
    }
    if (for_registers)
        server.selected = (uint32_t)id;
    packet_send("OK");
}

static void server_is_alive(const char *text)
{
    uint64_t id;

    packet_send(packet_number(&text, &id) && threads_find((uint32_t)id) != NULL ? "OK" : "E01");
}

static const char *server_after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static void server_question(const char *text)
{
    static const char features[] = "qXfer:features:read:target.xml:";

    if (server_after(text, "qSupported") != NULL) {
        server.swbreak = strstr(text, "swbreak+") != NULL;
        packet_sendf("PacketSize=%x;qXfer:features:read+;swbreak+;vContSupported+;"
                     "QStartNoAckMode+", PACKET_MAX);
    } else if (server_after(text, features) != NULL)
        server_features_part(text + strlen(features));
    else if (strcmp(text, "qC") == 0)
        packet_sendf("QC%x", threads_current()->id);
    else if (strcmp(text, "qfThreadInfo") == 0)
        server_send_threads();
    else if (strcmp(text, "qsThreadInfo") == 0)
        packet_send("l");
    else if (server_after(text, "qThreadExtraInfo,") != NULL)
        server_name_thread(server_after(text, "qThreadExtraInfo,"));
    else if (server_after(text, "qAttached") != NULL)
        packet_send("1"); /* so gdb detaches when it is left, and the guest lives on */
    else
        packet_send("");
}

static void server_answer(const char *text)
{
    switch (text[0]) {
    case '?':
        packet_send(server.last);
        break;
    case 'g':
        server_send_registers();
        break;
    case 'G':
        server_take_registers(text + 1);
        break;
    case 'P':
        server_take_register(text + 1);
        break;
    case 'm':
        server_read_memory(text + 1);
        break;
    case 'M':
        server_write_memory(text + 1);
        break;
    case 'Z':
    case 'z':
        server_breakpoint(text + 1, text[0] == 'Z');
        break;
    case 'c':
    case 's':
        server_run(text[0] == 's');
        break;
    case 'v':
        if (server_after(text, "vCont") != NULL)
            server_vcont(text + 5);
        else
            packet_send("");
        break;
    case 'H':
        server_select(text + 1);
        break;
    case 'T':
        server_is_alive(text + 1);
        break;
    case 'q':
        server_question(text);
        break;
    case 'Q':
        if (strcmp(text, "QStartNoAckMode") == 0) {
            packet_send("OK");
            packet_leave_acknowledgements();
        } else
            packet_send("");
        break;
    case 'D': /* the guest is free when gdb is told so */
        target_detach();
        packet_send("OK");
        server.over = true;
        break;
    case 'k':
        server.over = true;
        break;
    default:
        packet_send("");
    }
}

int main(int argc, char **argv)
{
    static struct packet packet;
    enum packet_kind kind;
    int option;

    cli_begin("xenolith-gdbserver", server_help);
    while ((option = getopt_long(argc, argv, "", server_options, NULL)) != -1) {
        if (option == 't')
            threads_configure(optarg);
        else
            cli_other_option(option);
    }
    if (optind + 1 != argc)
        cli_fail(CLI_FAILED, "one DOMAIN is needed; see `xenolith-gdbserver --help`");
    store_open();
    server.domid = domain_find(argv[optind]);
    packet_start();
    target_attach(server.domid);
    threads_refresh();
    server.selected = threads_current()->id;
    snprintf(server.last, sizeof(server.last), "T%02xthread:%x;", SERVER_SIGTRAP, server.selected);
    while (!server.over && (kind = packet_receive(&packet, -1)) != PACKET_END)
        if (kind == PACKET_TEXT)
            server_answer(packet.text);
    target_detach();
    exit(0);
}
