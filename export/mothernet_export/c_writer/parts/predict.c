
int {prefix}_read(const char *const *cells, {prefix}_row *row)
{{
{reading}    return 0;
}}

int {prefix}_predict(const {prefix}_row *row, float *probabilities)
{{
    sum sums[UNITS];
    begin(sums);
{sums}    return answer(sums, probabilities);
}}

int {prefix}_predict_text(const char *const *cells, float *probabilities)
{{
    {prefix}_row row;
    int error = {prefix}_read(cells, &row);
    return error < 0 ? error : {prefix}_predict(&row, probabilities);
}}

const char *{prefix}_label(int class_number)
{{
    if (class_number < 0 || class_number >= CLASSES) return NULL;
    return (const char *)texts + text_starts[{first_label} + class_number];
}}

const char *{prefix}_column(int column_number)
{{
    if (column_number < 0 || column_number >= {n_columns}) return NULL;
    return (const char *)texts + text_starts[{first_name} + column_number];
}}

const char *{prefix}_message(int error)
{{
    static const char *const messages[] = {{
{messages}
    }};
    return error < 0 && error >= -{n_columns} ? messages[-1 - error] : NULL;
}}
