"""Words that people write into cells of numbers: what stands for a missing one, currencies, units.

They only help to decide how a training column is read (:mod:`mothernet.tables.inference`); a file records those that
its column has.
"""

__all__ = ["CURRENCIES", "MARKERS", "UNITS"]

# missing, compared in lower case; only in columns whose other cells are numbers, dates or booleans
_MARKERS = """
? ?? - -- --- . .. ... * x na n.a. n.a n/a #n/a nil none null nan missing unknown undefined (blank) blank empty void tbd
k.a. n.v. s/d #value! #div/0! #ref! #name? #num! #null! \u2013 \u2014
"""
MARKERS = frozenset([*_MARKERS.split(), "not available", "not known", "no data"])

_CURRENCIES = """
AED ARS AUD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR JPY KES KRW MXN MYR NGN NOK NZD PEN PHP PKR
PLN RMB RON RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR Fr Fr. kr kr. Kc zl Rs Rs.
"""
CURRENCIES = frozenset(_CURRENCIES.split())

# compared in lower case; other words count as units only with a space before them
_UNITS = """
kg g mg t lb lbs oz km m cm mm mi ft in yd l ml dl cl h hr hrs min mins s sec secs ms d day days y yr yrs year years
month months week weeks w kw kwh wh mw v mv a ma hz khz mhz ghz b kb mb gb tb kbps mbps gbps mph km/h kmh m/s kn m2
m\u00b2 m3 m\u00b3 ha ac sqm sqft sq.m sq.ft pcs pc px dpi ppm ppb db bar pa hpa kpa mpa psi kcal cal kj j rpm n nm
\u00b0c \u00b0f \u00b0 c f k mmhg bpm iu u mmol/l mg/dl g/l
"""
UNITS = frozenset(_UNITS.split())
