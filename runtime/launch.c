#include <runtime/launch.h>

#include <string.h>

#include <platform/memory.h>
#include <platform/start_info.h>
#include <runtime/boot.h>
#include <runtime/cmdline.h>
#include <runtime/log.h>
#include <runtime/pages.h>
#include <runtime/panic.h>
#include <runtime/thread.h>

#include "launch_priv.h"

#define LAUNCH_STACK_MIN (64ul << 10)
#define LAUNCH_STACK_MAX (1ul << 20)
#define LAUNCH_STACK_ENOUGH (512ul << 10)
#define LAUNCH_LEFT (256ul << 10) /* for the guard, page tables and the first of the heap */

/* libc-glue defines this: constructors, main, exit. */
void program_main(int argc, char **argv, char **envp) __attribute__((noreturn));

static struct {
    char text[START_INFO_CMDLINE_SIZE];
    struct cmdline parsed;
    const char *why; /* what was wrong with it, or NULL */
} launch;

static const char *const launch_keys[] = {
    "ip", "mount", "cwd", "console", "loglevel", "stack", "name", "root", NULL,
};

const char *launch_setting(const char *key, size_t n)
{
    for (size_t i = 0; i < launch.parsed.settings; i++) {
        if (strcmp(launch.parsed.setting[i].key, key) == 0 && n-- == 0)
            return launch.parsed.setting[i].value;
    }
    return NULL;
}

static void launch_set_level(const char *value)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {
        { "quiet", LOG_ERROR }, { "error", LOG_ERROR }, { "warning", LOG_WARNING },
        { "info", LOG_INFO },   { "debug", LOG_DEBUG },
    };

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(value, levels[i].name) == 0) {
            log_set_level(levels[i].level);
            return;
        }
    }
    launch.why = "loglevel= takes quiet, error, warning, info or debug";
}

void launch_read_settings(void)
{
    const struct start_facts *facts = start_facts();

    memcpy(launch.text, facts->cmdline, facts->cmdline_len);
    if (cmdline_parse(launch.text, launch_keys, &launch.parsed, &launch.why) != 0)
        return;
    const char *level = launch_setting("loglevel", 0);
    if (level != NULL)
        launch_set_level(level);
}

void launch_report_settings(void)
{
    if (start_facts()->cmdline_unterminated)
        log_line(LOG_ERROR, "command line: Xen cut it at %d bytes", START_INFO_CMDLINE_SIZE);
    if (launch.why != NULL)
        log_line(LOG_ERROR, "command line: %s", launch.why);
    for (size_t i = 0; i < launch.parsed.unknowns; i++)
        log_line(LOG_WARNING, "command line: unknown setting: %s", launch.parsed.unknown[i]);
}

/* Bytes for main's stack: `stack=`, or a sixteenth of the memory within bounds, and of what is at hand. */
static size_t launch_stack_size(void)
{
    const char *value = launch_setting("stack", 0);
    size_t size = 0;

    for (; value != NULL && *value >= '0' && *value <= '9' && size < (1ul << 40); value++)
        size = size * 10 + (size_t)(*value - '0');
    if (value != NULL && (*value == 'K' || *value == 'k'))
        size <<= 10;
    if (value != NULL && (*value == 'M' || *value == 'm'))
        size <<= 20;
    if (size >= THREAD_STACK_MIN)
        return size;
    if (value != NULL)
        log_line(LOG_ERROR, "command line: stack= takes a number of bytes, with K or M");
    size = memory_pages() * PAGE_SIZE / 16;
    if (size < LAUNCH_STACK_MIN)
        return LAUNCH_STACK_MIN;
    if (size > LAUNCH_STACK_MAX)
        size = LAUNCH_STACK_MAX;
    /* Rather a little less than half a millisecond for mapping more memory now. */
    size_t at_hand = pages_at_hand() * PAGE_SIZE;
    if (at_hand < size + LAUNCH_LEFT && at_hand >= LAUNCH_STACK_ENOUGH + LAUNCH_LEFT)
        size = at_hand - LAUNCH_LEFT;
    return size;
}

static void launch_thread(void *arg)
{
    struct cmdline *parsed = &launch.parsed;
    const char *name = launch_setting("name", 0);

    (void)arg;
    parsed->argv[0] = (char *)(uintptr_t)(name != NULL ? name : "xenolith");
    boot_stage("main: %zu arguments, stack %zu KiB", parsed->argc - 1,
               thread_self()->stack_size / 1024);
    program_main((int)parsed->argc, parsed->argv, parsed->envp);
}

void launch_main(void)
{
    struct thread_attr attr = {
        .name = "main",
        .stack_size = launch_stack_size(),
        .id = THREAD_MAIN,
    };
    struct thread *thread;
    int error = thread_create(&attr, launch_thread, NULL, &thread);

    if (error != 0)
        panic("no memory for main's stack of %zu KiB", attr.stack_size / 1024);
}
