#include "log_write.h"

#include <runtime/log.h>

void log_write(int severity, const char *line)
{
    static const enum log_level level[] = { LOG_ERROR, LOG_ERROR, LOG_ERROR, LOG_ERROR,
                                            LOG_WARNING, LOG_INFO, LOG_INFO, LOG_DEBUG };

    log_line(level[severity & 7], "%s", line);
}
