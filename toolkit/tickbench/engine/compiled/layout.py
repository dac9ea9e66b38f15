"""Where everything of the compiled engine lies: one block, written by the thread that runs it and by nobody else.

    words 0 …           of the engine: addresses of the stages' kernels and of their states, settings, counters, probe slots
    from GLOBAL_WORDS   a record of RECORD_WORDS for each symbol: book, signal, orders, the queue of intents
    scratch             one after the other: depth record, levels of a book, outputs of the indicators, the order

Addresses are of this process, so the block cannot move to another one.
"""

from tickbench.components.codec.contract import DEPTH_HEAD_WORDS, MOST_LEVELS, ORDER_WORDS
from tickbench.engine.pages import STAGES, WHOLES
from tickbench.engine.protocol import ORDER_MESSAGE_BYTES
from tickbench.engine.strategy import WAITING

# -- words of the engine

(
    PARSE,  # DECODE into a record, or READ of a frame in place
    IN_PLACE,  # 1: levels are read where the frame lies
    UPDATE,
    BEST,
    TOP,
    LEVEL_COUNT,
    TICK,  # 0: PIPELINE over a window instead
    PIPELINE,
    CHECK,
    RISK_UPDATE,
    ENCODE,
    FILL,
    RISK,  # states
    POSITIONS,
    SYMBOLS,
    ENTER,  # the strategy; ENTER and EXIT as the bits of a float64
    EXIT,
    COOLDOWN,
    LOTS,
    LEVELS,
    WINDOW,
    SESSION,  # upper half of order ids
    COUNTER,  # lower half of the last one
    SENDING,  # address of the order message in the making; 0 while none waits to be sent
    AT_DEPTH,  # addresses of scratch
    AT_LEVELS,
    AT_OUTPUTS,
    AT_ORDER,
    AT_MESSAGE,
    AT_QUOTE,
    AT_FRAME,  # an aligned copy of the frame
    PARSED,  # when the frame in hand was parsed; 0: it was not
    ORDER_RECEIVED,  # of the order to be sent: when its tick came in
    HAS_WAITED,  # and whether it waited for an outcome
) = range(34)

# Probe slots. Those of stages are histograms.
SLOT = {name: 40 + place for place, name in enumerate((*STAGES, *WHOLES))}
(
    S_RECEIVE,
    S_PARSE,
    S_BOOK,
    S_SIGNAL,
    S_RISK,
    S_SERIALISE,
    S_SEND,
    S_FILL,
    S_POSITION,
    S_MESSAGE,
    S_COMPILED,
    S_RECEIVE_TO_SEND,
    S_ORDER_WAIT,
    S_TICK_TO_FILL,
) = SLOT.values()

# Counters, in the order of strategy.Counts; REFUSED is the first of as many as the risk check has reasons.
COUNTED = (
    "frames",
    "depth_frames",
    "level_updates",
    "ticks",
    "intents",
    "waited",
    "waiting_dropped",
    "orders",
    "acks",
    "fills",
    "expired",
    "rejected",
    "cancelled",
    "resent",
    "stray_reports",
    "gaps",
    "lost_frames",
    "late_frames",
    "untrusted_frames",
    "malformed",
    "book_refused",
    "fill_refused",
    "snapshots",
)
_COUNTERS = 64
(
    FRAMES,
    DEPTH_FRAMES,
    LEVEL_UPDATES,
    TICKS_SEEN,
    INTENTS,
    WAITED,
    DROPPED,
    ORDERS,
    ACKS,
    FILLS,
    EXPIRED,
    REJECTED,
    CANCELLED,
    RESENT,
    STRAY,
    GAPS,
    LOST,
    LATE,
    UNTRUSTED,
    MALFORMED,
    BOOK_REFUSED,
    FILL_REFUSED,
    SNAPSHOTS,
) = range(_COUNTERS, _COUNTERS + len(COUNTED))
REFUSED = 96
GLOBAL_WORDS = 128

# -- words of a symbol

(
    SYMBOL,
    BOOK,
    INDICATOR,
    PRICES,  # address of the window's buffer, 2 x WINDOW floats
    PRICE_AT,  # where the next price goes
    PRICE_COUNT,  # prices in the window
    BIDS,  # address of LEVELS floats, then as many of the asks
    ASKS,
    TRUSTED,
    LAST_ID,  # of the last depth frame applied
    QUOTE_ID,
    NUMBER,
    DIRECTION,
    SYMBOL_TICKS,
    DECIDED_AT,
    IN_FLIGHT,  # id of the order, 0: none
    FLIGHT_SIDE,
    FLIGHT_LOTS,
    FLIGHT_PRICE,
    FLIGHT_CAUSE,
    FLIGHT_RECEIVED,
    FLIGHT_SEQUENCE,
    FLIGHT_TIME_NS,  # its time stamp: a resend must be the same to the byte
    SEQUENCE,
    STATE,  # of the digest
    POSITION,
    NUMERATOR,
    DIVISOR,
    HEAD,  # intents taken out of the queue, and put in
    TAIL,
) = range(30)
QUEUE = 32  # WAITING intents of INTENT_WORDS
INTENT_WORDS = 8
(I_SIDE, I_PRICE, I_LOTS, I_CAUSE, I_REFERENCE, I_RECEIVED) = range(6)
RECORD_WORDS = QUEUE + WAITING * INTENT_WORDS

# -- scratch, in words

DEPTH_WORDS = DEPTH_HEAD_WORDS + 4 * MOST_LEVELS
LEVEL_WORDS = 2 * (1 << 17)  # as many levels as a side of a book is made for
MESSAGE_WORDS = ORDER_MESSAGE_BYTES // 8
QUOTE_WORDS = 4
FRAME_WORDS = 4 + 6 + 4 * MOST_LEVELS

# -- results of the kernels for messages

NOTHING = 0
ORDER = 1  # an order is to be sent
RESYNC = -1  # a gap: the feed must be taken up anew

assert ORDER_WORDS <= 8
