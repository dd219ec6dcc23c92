/* version.h - which longhaul this is.
 *
 * Threads: a constant. */
#ifndef GROUND_VERSION_H
#define GROUND_VERSION_H

#define LONGHAUL_VERSION "0.1.0"

#endif
