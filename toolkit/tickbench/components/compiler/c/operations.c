/* The inner operations: one level update, one RSI value, one order frame. */
#include "operations.h" /* which includes this file where the operations are to be in every unit */

#ifndef OPERATIONS_C
#define OPERATIONS_C

#include <string.h>

/* Set or delete one level; returns its position, -1 if nothing changed. A full side drops its worst level. */
OPERATIONS int64_t set_level(struct book *book, const struct update *update) {
    int64_t side = update->side, quantity_lots = update->quantity_lots, count = book->count[side];
    int64_t *keys = book->keys[side], *quantities_lots = book->quantities_lots[side];
    int64_t key = side ? update->price_ticks : -update->price_ticks, at = 0;
    while (at < count && keys[at] < key) at++;
    int found = at < count && keys[at] == key;
    if (quantity_lots == 0) {
        if (!found) return -1;
        for (int64_t i = at; i < count - 1; i++) {
            keys[i] = keys[i + 1];
            quantities_lots[i] = quantities_lots[i + 1];
        }
        book->count[side] = count - 1;
        return at;
    }
    if (!found) {
        if (at == LEVELS) return -1;
        if (count < LEVELS) count++;
        for (int64_t i = count - 1; i > at; i--) {
            keys[i] = keys[i - 1];
            quantities_lots[i] = quantities_lots[i - 1];
        }
        keys[at] = key;
        book->count[side] = count;
    }
    quantities_lots[at] = quantity_lots;
    return at;
}

/* Take one price in; returns the RSI, 0 where the averages are 0 (as TA-Lib does). */
OPERATIONS double next_rsi(struct rsi *rsi, double price) {
    double change = price - rsi->price;
    double up = change > 0 ? change : 0, down = change < 0 ? -change : 0;
    rsi->price = price;
    rsi->gain = rsi->gain * rsi->keep + up * rsi->weight;
    rsi->loss = rsi->loss * rsi->keep + down * rsi->weight;
    double sum = rsi->gain + rsi->loss;
    return sum > 0 ? 100 * rsi->gain / sum : 0;
}

/* Write the frame of 64 bytes, little-endian; 1, or 0 and a frame of zeros where the side is neither 0 nor 1. */
OPERATIONS int64_t encode_order(const struct order *order, uint64_t *frame) {
    if (order->side > 1) {
        memset(frame, 0, FRAME_WORDS * sizeof *frame);
        return 0;
    }
    frame[0] = 56 | 1 << 16 | 1ull << 32 | 1ull << 48; /* length of the body, template, schema, version */
    frame[1] = order->id;
    frame[2] = order->quantity;
    memcpy(&frame[3], &order->price, sizeof order->price);
    frame[4] = order->timestamp_ns;
    frame[5] = order->symbol;
    frame[6] = order->side;
    frame[7] = 0;
    return 1;
}

#endif
