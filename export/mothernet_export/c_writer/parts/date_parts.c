
/* The day of some seconds since 1970, and what is left of them. */
static double day_of(double seconds)
{
    double day = (double)(long)(seconds / 86400.0);
    return day > seconds / 86400.0 ? day - 1.0 : day;
}

/* 1 to 12. Years are taken to begin in March, so that the odd month is the last. */
static double month_of(long day)
{
    long of_era = (day + 719468L) % 146097L; /* 400 years */
    long year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    long month = (5 * (of_era - (365 * year + year / 4 - year / 100)) + 2) / 153;
    return (double)(month < 10 ? month + 3 : month - 9);
}

enum { PART_DAYS, PART_MONTH, PART_WEEKDAY, PART_HOUR };

static double date_part(double seconds, int part)
{
    double day;
    if (seconds != seconds) return seconds;
    if (part == PART_DAYS) return seconds / 86400.0;
    day = day_of(seconds);
    if (part == PART_HOUR) return (seconds - 86400.0 * day) / 3600.0;
    if (part == PART_MONTH) return month_of((long)day);
    return (double)(((long)day + 3 + 7000000L) % 7); /* 1970-01-01 was a Thursday, Monday is 0 */
}
