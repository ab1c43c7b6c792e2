"""How much worse a smaller file may be before `mothernet export` refuses to write it; imports nothing, for `--help`."""

MAX_AUC_LOSS = 0.005
MAX_LOG_LOSS_GAIN = 0.01  # nats
MAX_MOVE = 0.1  # of a probability, by rounding; with fewer categories it is another fit, and single rows may move far
LIMITS = (
    f"AUC {MAX_AUC_LOSS:g} lower, log loss {MAX_LOG_LOSS_GAIN:g} higher or, by rounding, a probability {MAX_MOVE:g} off"
)
