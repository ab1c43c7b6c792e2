"""Every constant of the fit, in one frozen record, so that an experiment can vary one without patching code.

Read by the encoding, the output layer and the fit alike, hence outside of their packages; nothing here may import
torch. Sizes of the hypernetwork belong to :class:`mothernet.network.config.HypernetworkConfig`, which a
checkpoint holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["DEFAULT_SETTINGS", "FitSettings", "Size"]

Size = Literal["small", "default", "large"]


@dataclass(frozen=True)
class FitSettings:
    """Constants of the fit; the defaults were chosen on the suite ``dev`` (see ``docs/log/``).

    Examples
    --------
    >>> FitSettings(max_context_rows=128).max_context_rows
    128
    """

    max_fit_rows: int = 200_000  # of a larger table so many are drawn: further ones cost time and tell one small
    # network next to nothing

    # encoding
    max_categories: int = 20_000  # per column with a first-layer row of their own; the others are pooled
    min_category_rows: int = 2  # of such a category
    max_category_features: int = 16  # further categories share one feature, and have features by their log-odds
    max_odds_classes: int = 10  # the most frequent ones, that log-odds tell of
    odds_folds: int = 5  # a training row's log-odds are of the rows in other folds
    odds_strengths: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)  # rows of smoothing
    outer_quantile: float = 0.01  # what lies far beyond it on either side ...
    outer_margin: float = 3.0  # ... by so many times the range between the two, counts as that bound
    clip_bends: tuple[float, ...] = (2.0, 4.0, 10.0, 30.0)  # standard deviations: knots of the soft clipping

    # columns of a wide table
    max_unscreened_columns: int = 100
    max_screening_rows: int = 4_000
    candidate_trees: int = 50  # of all columns
    max_candidates: int = 100  # those that they use most, and half as many by either statistic of single columns
    screening_trees: int = 100  # of these and their shadows
    max_false_share: float = 0.1  # of the columns that pass by themselves
    max_ramped_columns: int = 400  # of more that are kept, since regressions of ranks say so, none has ramps
    screening_depth: int = 8
    screening_share: float = 0.3  # of the columns, among which a split is chosen
    screening_penalties: tuple[float, ...] = (1.0, 0.3, 0.1, 0.03)  # of the regressions that judge whether to screen

    # what the hypernetwork reads
    max_cells: int = 15_000  # (context rows + units) x (features + 1)
    max_context_rows: int = 192
    min_context_rows: int = 128
    max_context_features: int = 40  # further ones reach the output layer directly, without hidden units

    # output layer
    scale_floor: float = 0.03  # a unit that hardly varies would get a huge weight, and float32 sums would show it
    max_learned_share: float = 0.5  # of the learned units' layer in the mean of the output layers
    trusted_rows: float = 150.0  # rows at which it has half of that share: learned units have seen the labels
    solve_steps: int = 200
    solve_tolerance: float = 1e-7  # nats

    unit_reach: float = 1.3  # a unit is tanh where it is trained, and here linear up to this pre-activation

    # units that are rules, of tables without refinement
    rule_units: int = 512
    rule_trees: int = 30
    rule_depth: int = 6
    min_rule_rows: int = 3
    rule_share: float = 0.45  # of their output layer in the mean of the output layers
    rule_penalty: float = 2.0  # beside the other units', of a rule of standard deviation one: the rarer, the stronger
    max_grown_rows: int = 2_000  # by which the trees grow
    screened_rule_units: int = 1_024  # of a table whose columns were screened: all that are left matter
    screened_rule_trees: int = 60

    # many rows: further knots by the labels, and all weights trained
    start_tolerance: float = 1e-5  # like solve_tolerance, of the layer that training starts from, or ends with
    min_refined_rows: int = 5_000
    max_label_knots: int = 32  # per column
    min_knot_rows: int = 20  # of the training table on either side
    min_knot_gain: float = 5.0  # nats of all rows that a knot must be worth, per class but one
    min_indicated_rows: int = 50  # of a category beyond the frequent ones, to have an indicator all the same ...
    max_indicated: int = 128  # ... as so many of a column do
    max_solved_rows: int = 20_000  # the refinement sees the others
    max_solved_again: int = 50_000  # rows x classes; below, what is not refined is solved again by all rows
    deciding_share: float = 0.1  # of the rows, held out to judge the refinement by ...
    min_deciding_rows: int = 1_000  # ... but so many at least ...
    max_deciding_rows: int = 10_000  # ... and so many at most
    min_refinement: float = 1e-4  # nats on these rows that a cycle must gain to be followed by another ...
    min_refinement_share: float = 0.075  # ... and so much of what all cycles have gained
    patient_passes: int = 6  # without a best loss: a cycle ends after more than these ...
    patient_share: float = 0.4  # ... and more than so many of its own
    min_refinement_errors: float = 1.5  # standard errors that all cycles must gain
    refining_passes: tuple[int, ...] = (4, 8, 16, 32)  # over the training rows, of each cycle
    max_refining_products: float = 6e10  # rows x weights of the first layer, of all passes
    batch_rows: int = 256
    double_batch_rows: int = 40_000  # of more training rows batches are twice as large
    hidden_rate: float = 1e-3  # Adam's largest step in the first cycle, for the hidden and output layer ...
    hidden_rate_growth: float = 1.6  # ... from cycle to cycle
    direct_rate: float = 0.016  # for the direct outputs, of an input of standard deviation one
    direct_rate_growth: float = 0.25
    spread_floor: float = 0.02  # of an input's standard deviation
    warming_steps: int = 50
    adam_mean: float = 0.9
    adam_square: float = 0.99
    averaging: float = 0.99  # of the weights' moving average
    weight_decay: float = 0.3  # of the hidden layer

    # a smaller child: the share of what it knows that an input or unit must be worth
    small_price: float = 2e-3
    default_price: float = 4e-4
    large_price: float = 0.0  # only units beyond the most are taken away
    full_price_rows: int = 2_000  # of more rows, prices fall with their number
    text_price: float = 5.0  # prices that a column of texts must be worth: reading one takes as long as many products
    max_prices_paid: float = 100.0  # all that is taken away may cost as many as this, units and inputs each ...
    always_allowed: float = 1e-6  # nats that all together may move the probabilities in any case
    max_attempts: int = 6  # ... with a price that falls to a quarter until it does
    max_taught_attempts: int = 2  # another classifier's probabilities are out of reach at any price
    matched_rows: int = 4_000  # of the training table, by which it is judged ...
    mixed_rows: int = 3_000  # ... and rows made of these, in which ...
    mixed_share: float = 0.3  # ... so many cells are another row's
    max_matched_inputs: int = 500  # more are seen through their direct weights when units are chosen
    max_matched_units: int = 256  # of which a smaller child is made: those that vary the logits most
    max_units: int = 64  # of a table that is too small to be refined
    max_large_units: int = 128
    unit_price: float = 2.0  # prices that a unit must be worth
    max_priced_information: float = 0.5  # nats; the price is a share of what the child knows, up to this
    match_penalty: float = 1e-6  # targets are probabilities, not labels: there is no noise to fit
    match_steps: int = 200
    match_tolerance: float = 1e-6  # nats: all weights move after it
    matching_steps: int = 12  # of all weights, at last
    max_matching_width: int = 200  # units and classes

    # penalties by cross-validation
    folds: int = 5
    penalty_factors: tuple[float, ...] = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
    penalty_patience: int = 2  # factors in a row that make the loss no smaller end the search
    penalty_ratios: tuple[float, ...] = (10.0, 0.1)  # of the features' penalty, then of the ramps', beside the others'
    penalty_prior: float = 0.4  # nats / rows that a change of all penalties by a factor e costs: few rows say little
    loss_temperature: float = 2.0  # nats of all rows that make a penalty e times less likely
    temperature_deviation: float = 0.15  # of the logarithm of a factor on all logits, before rows have spoken
    fold_steps: int = 30
    fold_tolerance: float = 1e-5  # nats
    min_fold_rows: int = 1_000
    max_fold_rows: int = 2_500  # fewer when ...
    max_fold_cells: int = 4_000_000  # ... rows x inputs of the output layer x classes would exceed this

    # another classifier as a teacher
    teacher_shares: tuple[float, ...] = (0.0, 0.25, 0.5)  # of it, of which rows held out choose one ...
    min_teacher_errors: float = 1.0  # ... if it gains so many standard errors over the one before that was taken
    teacher_folds: int = 4
    max_folded_rows: int = 2_000  # of more rows, only one fold is held out
    teacher_deviation: float = 0.5  # like temperature_deviation

    # float32 in the file
    max_rounding_error: float = 8e-6  # of a probability; beyond, the smaller child is not that of trained weights
    max_strengthenings: int = 3  # of all penalties, until the error is below that ...
    max_strengthening_cost: float = 5e-3  # ... as long as each moves the probabilities less, nats

    def price(self, size: Size, n_rows: int) -> float:
        """What an input or unit of a child of this size must be worth: the more rows, the finer what they can tell."""
        prices: dict[Size, float] = {
            "small": self.small_price,
            "default": self.default_price,
            "large": self.large_price,
        }
        return prices[size] * min(1.0, self.full_price_rows / n_rows)

    def of_screened_table(self) -> FitSettings:
        """The same for a table some of whose columns were screened out."""
        return replace(self, rule_units=self.screened_rule_units, rule_trees=self.screened_rule_trees)

    def units_of_size(self, size: Size, n_rows: int) -> int:
        """How many units a child of this size has at most."""
        return self.max_units if size != "large" and n_rows < self.min_refined_rows else self.max_large_units


DEFAULT_SETTINGS = FitSettings()
