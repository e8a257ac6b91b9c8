#include <runtime/log.h>

#include <stdint.h>
#include <string.h>

#include <platform/emergency_console.h>

#define LOG_TEXT_MAX 320 /* one message with its newline; longer ones are cut */

static struct log_sink *log_sinks; /* only ever grows, at its head */
static enum log_level log_level_now = LOG_INFO;
/*
 * Xen's own console hears everything as well, as long as Xen wants to hear us. Most refuse the first
 * word of a guest; then it is not asked again.
 */
static bool log_xen_refuses;

/* Where formatted text goes: what does not fit is counted all the same. */
struct log_out {
    char *buffer;
    size_t size, len;
};

struct log_spec {
    bool left, zero;
    int width;
    int precision; /* -1: none */
    int longs;     /* -1 for h, 1 for l and z, 2 for ll */
};

static void log_put(struct log_out *out, char c)
{
    if (out->len + 1 < out->size)
        out->buffer[out->len] = c;
    out->len++;
}

static void log_fill(struct log_out *out, char c, int n)
{
    while (n-- > 0)
        log_put(out, c);
}

static void log_put_text(struct log_out *out, const struct log_spec *spec, const char *text)
{
    int len = 0;

    if (text == NULL)
        text = "(null)";
    while ((spec->precision < 0 || len < spec->precision) && text[len] != '\0')
        len++;
    if (!spec->left)
        log_fill(out, ' ', spec->width - len);
    for (int i = 0; i < len; i++)
        log_put(out, text[i]);
    if (spec->left)
        log_fill(out, ' ', spec->width - len);
}

/* prefix is "-", "0x" or "": it stands before the zeros of a zero-filled field. */
static void log_put_number(struct log_out *out, const struct log_spec *spec, uint64_t value,
                           unsigned base, const char *prefix)
{
    char digits[24];
    int n = 0, len;

    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    len = n + (int)strlen(prefix);
    if (!spec->left && !spec->zero)
        log_fill(out, ' ', spec->width - len);
    while (*prefix != '\0')
        log_put(out, *prefix++);
    if (!spec->left && spec->zero)
        log_fill(out, '0', spec->width - len);
    while (n > 0)
        log_put(out, digits[--n]);
    if (spec->left)
        log_fill(out, ' ', spec->width - len);
}

static int log_read_int(const char **at)
{
    int value = 0;

    while (**at >= '0' && **at <= '9') {
        if (value < 10000)
            value = value * 10 + (**at - '0');
        (*at)++;
    }
    return value;
}

/* What stands between the % and the conversion's letter. */
static void log_read_spec(const char **at, struct log_spec *spec)
{
    *spec = (struct log_spec){ .precision = -1 };
    for (;; (*at)++) {
        if (**at == '-')
            spec->left = true;
        else if (**at == '0')
            spec->zero = true;
        else
            break;
    }
    spec->width = log_read_int(at);
    if (**at == '.') {
        (*at)++;
        spec->precision = log_read_int(at);
    }
    for (;; (*at)++) {
        if (**at == 'l')
            spec->longs++;
        else if (**at == 'z')
            spec->longs = 1;
        else if (**at == 'h')
            spec->longs = -1;
        else
            return;
    }
}

static int64_t log_signed_arg(const struct log_spec *spec, va_list *args)
{
    if (spec->longs > 0)
        return va_arg(*args, long); /* long long is no longer here */
    int value = va_arg(*args, int);
    return spec->longs < 0 ? (short)value : value;
}

static uint64_t log_unsigned_arg(const struct log_spec *spec, va_list *args)
{
    if (spec->longs > 0)
        return va_arg(*args, unsigned long);
    unsigned value = va_arg(*args, unsigned);
    return spec->longs < 0 ? (unsigned short)value : value;
}

/* One conversion; false when we do not know its letter. */
static bool log_convert(struct log_out *out, const struct log_spec *spec, char letter,
                        va_list *args)
{
    char one[2] = { 0 };
    int64_t value;

    switch (letter) {
    case 'd':
    case 'i':
        value = log_signed_arg(spec, args);
        log_put_number(out, spec, value < 0 ? -(uint64_t)value : (uint64_t)value, 10,
                       value < 0 ? "-" : "");
        return true;
    case 'u':
        log_put_number(out, spec, log_unsigned_arg(spec, args), 10, "");
        return true;
    case 'x':
        log_put_number(out, spec, log_unsigned_arg(spec, args), 16, "");
        return true;
    case 'p':
        log_put_number(out, spec, (uintptr_t)va_arg(*args, void *), 16, "0x");
        return true;
    case 's':
        log_put_text(out, spec, va_arg(*args, const char *));
        return true;
    case 'c':
        one[0] = (char)va_arg(*args, int);
        log_put_text(out, spec, one);
        return true;
    case '%':
        log_put(out, '%');
        return true;
    default:
        return false;
    }
}

int log_vformat(char *buffer, size_t size, const char *format, va_list caller_args)
{
    struct log_out out = { .buffer = buffer, .size = size };
    va_list args;

    va_copy(args, caller_args);
    while (*format != '\0') {
        const char *begin = format;
        struct log_spec spec;

        if (*format++ != '%') {
            log_put(&out, *begin);
            continue;
        }
        log_read_spec(&format, &spec);
        if (*format == '\0' || !log_convert(&out, &spec, *format, &args)) {
            /* The arguments' types are lost from here on: show the rest as it is written. */
            while (*begin != '\0')
                log_put(&out, *begin++);
            break;
        }
        format++;
    }
    va_end(args);
    if (size > 0)
        buffer[out.len < size ? out.len : size - 1] = '\0';
    return (int)out.len;
}

int log_format(char *buffer, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = log_vformat(buffer, size, format, args);
    va_end(args);
    return len;
}

static void log_write(const char *text, size_t len)
{
    if (!log_xen_refuses && !emergency_console_write(text, len))
        log_xen_refuses = true;
    for (struct log_sink *sink = __atomic_load_n(&log_sinks, __ATOMIC_ACQUIRE); sink != NULL;
         sink = sink->next)
        sink->write(text, len);
}

void log_line(enum log_level level, const char *format, ...)
{
    char text[LOG_TEXT_MAX];
    va_list args;

    if (level > log_level_now)
        return;
    va_start(args, format);
    size_t len = (size_t)log_vformat(text, sizeof(text) - 1, format, args);
    va_end(args);
    if (len > sizeof(text) - 2)
        len = sizeof(text) - 2;
    text[len] = '\n';
    log_write(text, len + 1);
}

void log_print(const char *format, ...)
{
    char text[LOG_TEXT_MAX];
    va_list args;

    va_start(args, format);
    size_t len = (size_t)log_vformat(text, sizeof(text), format, args);
    va_end(args);
    if (len > sizeof(text) - 1) {
        len = sizeof(text) - 1;
        text[len - 1] = '\n'; /* cut, but still a line */
    }
    log_write(text, len);
}

void log_set_level(enum log_level level)
{
    log_level_now = level;
}

enum log_level log_get_level(void)
{
    return log_level_now;
}

void log_add_sink(struct log_sink *sink)
{
    for (const struct log_sink *known = log_sinks; known != NULL; known = known->next) {
        if (known == sink) /* resume registers the same one again */
            return;
    }
    sink->next = log_sinks;
    __atomic_store_n(&log_sinks, sink, __ATOMIC_RELEASE);
}

void log_drain(void)
{
    for (struct log_sink *sink = __atomic_load_n(&log_sinks, __ATOMIC_ACQUIRE); sink != NULL;
         sink = sink->next) {
        if (sink->drain != NULL)
            sink->drain();
    }
}
