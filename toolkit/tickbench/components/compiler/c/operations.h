/* What the two translation units share: the layout of state, inputs and outputs, and the three inner operations.
 *
 * With OPERATIONS defined (as `static inline __attribute__((always_inline))`) the operations are compiled into every unit that
 * includes this file; without it they live in operations.c alone, and a caller in another unit needs LTO to inline them.
 */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include <stdint.h>

enum { LEVELS = 32 }; /* of a side */
enum { FRAME_WORDS = 8 };

/* Levels of side 0 (bid) and 1 (ask), best first. A key sorts both sides alike: minus the price of a bid, the price of an ask. */
struct book {
    int64_t count[2];
    int64_t unused[6];
    int64_t keys[2][LEVELS];
    int64_t quantities_lots[2][LEVELS];
};

struct update {
    int64_t side, price_ticks, quantity_lots; /* quantity 0 deletes the level */
};

struct update_answer {
    int64_t position; /* of the level that changed, 0 is the best, -1: none did */
    int64_t best_price_ticks; /* of the side, -1 where it is empty */
};

struct rsi {
    double price, gain, loss; /* last price, average gain and loss */
    double keep, weight; /* average = average * keep + new * weight */
};

struct order {
    uint64_t id, symbol, side, quantity;
    double price;
    uint64_t timestamp_ns;
};

#ifdef OPERATIONS
#include "operations.c"
#else
#define OPERATIONS __attribute__((visibility("hidden"))) /* called directly, not through the linkage table */
OPERATIONS int64_t set_level(struct book *book, const struct update *update);
OPERATIONS double next_rsi(struct rsi *rsi, double price);
OPERATIONS int64_t encode_order(const struct order *order, uint64_t *frame);
#endif

#endif
