/* launch_priv: the steps of launch.c that boot.c orders. */
#ifndef RUNTIME_LAUNCH_PRIV_H
#define RUNTIME_LAUNCH_PRIV_H

/* Parse the command line; set the log level. Nothing is printed yet. */
void launch_read_settings(void);

/* Say what was wrong with the command line, once there is a console. */
void launch_report_settings(void);

/* Create main's thread. */
void launch_main(void);

#endif
