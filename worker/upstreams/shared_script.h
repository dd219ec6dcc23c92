/* shared_script.h - the script behind shared_limits.h, and the shape of its words.
 *
 * ARGV   worker, number of guards, number of paces, then per guard:
 *          id kind upstream label  ok bad window_ms
 *          version state opened stage left_ms why      (state "" = no proposal)
 *        per pace:
 *          id upstream key model  floor_ms load parked_ms   (load: "calls limit waiting retries")
 *          twice (requests, tokens): per_minute capacity learned learned_capacity
 *                                    take want seen
 * reply  {workers, {guards}, {paces}}, per guard:
 *          {won, version, state, opened, stage, left_ms, ok*100, bad*100, mode, mode_left_ms,
 *           row}
 *        per pace:
 *          {floor_ms, parked_ms, twice: granted, level, per_minute, capacity as texts}
 *
 * The script merges counts and compares versions; which state follows which is
 * breaker.c's business alone.
 *
 * Threads: constants. */
#ifndef UPSTREAMS_SHARED_SCRIPT_H
#define UPSTREAMS_SHARED_SCRIPT_H

extern const char shared_script[];

#endif
