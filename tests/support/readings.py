"""What models write, and how a person reads it: (output, reading), by answer format; None where it states no answer.

The letters are among A to D. The words are those of `WORDS`.
"""

LETTERS = ("A", "B", "C", "D")
WORDS = ("above", "below", "left", "right", "top left", "top center", "center")

LETTER = (
    # Alone and marked.
    ("B", "B"), ("b", "B"), ("B.", "B"), ("(B)", "B"), ("( B )", "B"), ("[B]", "B"), ("b)", "B"), ("B,", "B"),
    ("A", "A"), ("**B**", "B"), ("**B.**", "B"), ("*B*", "B"), ("__B__", "B"), ("`B`", "B"), ("$B$", "B"),
    ("\"B\"", "B"), ("'B'", "B"), ("“B”", "B"), ("\\boxed{B}", "B"), ("$\\boxed{\\text{B}}$", "B"),
    ("\\boxed{B: left}", "B"), ("\\(B\\)", "B"), ("<answer>B</answer>", "B"), ("<b>B</b>", "B"), ("- B", "B"),
    ("> B", "B"), ("## B", "B"), ("{B}", "B"),
    # With the option's text.
    ("B) left", "B"), ("b) left", "B"), ("(B) left", "B"), ("B. left", "B"), ("B: left", "B"), ("B left", "B"),
    ("B - left", "B"), ("B – left", "B"), ("**B) left**", "B"), ("**B**: left", "B"), ("(A) a red circle", "A"),
    ("A) A red circle", "A"), ("Option B", "B"), ("option (b)", "B"), ("Choice B.", "B"), ("Circle B", "B"),
    ("Circle A", "A"), ("Point D is the nearest.", "D"), ("left (B)", "B"),
    # With reasons.
    ("B\nBecause the circle is left of the box.", "B"), ("B\n\nThe box A is red.", "B"),
    ("B because it is nearer", "B"), ("B. It is nearer than A.", "B"), ("(A) is closer than (B)", "A"),
    ("I think B", "B"), ("Based on the image, B.", "B"),
    # In a sentence.
    ("The answer is B", "B"), ("The answer is (B) left.", "B"), ("The correct answer is: **B**", "B"),
    ("Answer: B", "B"), ("ANSWER: **B**", "B"), ("ANSWER: $B$", "B"), ("answer:b", "B"), ("**Answer:** B", "B"),
    ("The answer is (c).", "C"), ("The correct option is B.", "B"), ("I would choose B.", "B"),
    ("Answer seems to be A", "A"), ("The circle that is nearest to A is B.", "B"),
    ("The answer is B because a car moves.", "B"), ("I would pick B — a safe choice.", "B"),
    ("The answer is C because I compared them.", "C"), ("It is labeled C.", "C"),
    ("The answer is not A, the answer is B.", "B"), ("The answer is B, not A.", "B"), ("So the answer is A.", "A"),
    ("I considered (A), but it is incorrect. Final answer: D.", "D"),
    ("The answer is B. Note that A is a distractor.", "B"), ("A because it is near.", "A"), ("A is the answer.", "A"),
    ("It's not A, it's B.", "B"),
    # Full width, and other scripts around it.
    ("Ｂ", "B"), ("（Ｂ）", "B"), ("Ｂ．左", "B"), ("Ｂ）", "B"), ("答案是B。", "B"), ("答案：Ｂ", "B"),
    ("選択肢B", "B"),
    ("Ответ: B", "B"), ("Réponse : B", "B"), ("Ⓑ", "B"), ("⒝", "B"), ("答案不是B", None),
    # No letter, several, or denied.
    ("A red circle", None), ("A circle is left of the box.", None), ("The answer is a circle.", None), ("left", None),
    ("A or B", None), ("A and B", None), ("Both A and B", None), ("A, B", None), ("A/B", None), ("A, B and C", None),
    ("The answer is A or B.", None), ("(A) left (B) right", None), ("A) left\nB) right", None), ("B\nC", None),
    ("A. left B. right", None), ("not B", None), ("It is not B.", None), ("The answer is not B.", None),
    ("B is not right.", None), ("I don't think the answer is B.", None), ("Neither A nor B", None),
    ("None of the above", None), ("B is incorrect.", None), ("X-ray", None), ("I cannot tell.", None), ("I", None),
    ("E", None), ("The", None), ("e.g. left", None), ("7, B", None), ("Dog", None), ("Based on the image", None),
    ("All of them", None), ("A. The answer is B.", None), ("?", None), ("It can't be B.", None),
    ("B doesn't match.", None),
    ("I am not sure, maybe the A or the B", None),
)  # fmt: skip

TRUE_FALSE = (
    ("True", "True"), ("TRUE.", "True"), ("Yes", "True"), ("yes, it is", "True"), ("False", "False"),
    ("No.", "False"), ("**True**", "True"), ("**False**.", "False"), ("\\boxed{True}", "True"), ("Ｔｒｕｅ", "True"),
    ("Ｎｏ。", "False"), ("Answer: True", "True"), ("The answer is no.", "False"), ("The statement is true.", "True"),
    ("It's true", "True"), ("The statement is not true.", "False"), ("not true", "False"), ("Not True.", "False"),
    ("That isn't true.", "False"), ("It isn’t true", "False"), ("That is not entirely true.", "False"),
    ("It cannot be true.", "False"), ("not false", "True"), ("The statement is untrue.", "False"),
    ("The caption is incorrect.", "False"), ("Correct.", "True"), ("That is correct.", "True"),
    ("That is not correct.", "False"), ("This is wrong.", "False"), ("It is false that the box is above.", "False"),
    ("It is true that the box is not above.", "True"), ("It is not true that the box is above.", "False"),
    ("It is not the case that the box is above.", "False"), ("No, the box is not above the circle.", "False"),
    ("No, it is not true.", "False"), ("Yes, it is true.", "True"), ("No it isn't", "False"),
    ("False, because it is not above.", "False"), ("True, not false.", "True"),
    ("False. The box isn't red.", "False"), ("Is the box red? Yes.", "True"), ("True or False: True", "True"),
    ("The correct answer is False.", "False"), ("There is no dog in the image.", "False"),
    ("Yes\nThe box is red.", "True"),
    # Unclear.
    ("True or False", None), ("yes and no", None), ("neither true nor false", None), ("nothing", None),
    ("None", None), ("I do not know.", None), ("I have no idea.", None), ("There is no way to tell.", None),
    ("Not sure.", None), ("I don't know if it is true.", None),
    ("It is unclear whether the statement is true.", None), ("Truly", None),
    ("It is false that it is not true.", None), ("True is not the answer.", None), ("Yes. No.", None), ("note", None),
    ("It is not clear that it is true.", None), ("No image is given.", None), ("No answer", None),
    ("yesterday", None),
)  # fmt: skip

NUMBER = (
    ("3", "3"), ("three", "3"), ("Three.", "3"), ("3.", "3"), ("3 circles", "3"), ("There are 3.", "3"),
    ("**3**", "3"), ("\\boxed{3}", "3"), ("$3$", "3"), ("(3)", "3"), ("3\nBecause I counted them.", "3"),
    ("Answer: 3", "3"), ("#3", "3"), ("3.0", "3"), ("03", "3"), ("0.62", "0.62"), (".62", "0.62"), ("0,62", "0.62"),
    ("2.50", "2.5"), ("-1", "-1"), ("−1", "-1"), ("1,000", "1000"), ("12,345.5", "12345.5"), ("62%", "62"),
    ("25", "25"), ("twenty-five", "25"), ("twenty", "20"), ("３", "3"), ("１２個", "12"), ("共3个", "3"), ("٣", "3"),
    ("③", "3"), ("答え：３", "3"), ("2 + 1 = 3", "3"), ("x = 3", "3"),
    ("There are 2 red and 1 blue, so the answer is 3.", "3"), ("The answer is 3, not 4.", "3"), ("not 4 but 3", "3"),
    ("3 red and 3 blue", "3"), ("There is one.", "1"), ("None.", "0"),
    ("There are no red circles.", "0"), ("No red circles", "0"),
    ("There aren't any red circles.", "0"), ("There are none.", "0"), ("There is a single red circle.", "1"),
    ("There are two red circles: one in the top left and one in the center.", "2"), ("a single row of 3", "3"),
    ("There are 3 red circles: 2 small and 1 large.", "3"), ("There are 4 red circles, out of 12 in total.", "4"),
    ("No, there are 3.", "3"), ("There are 4 red circles. There are no others.", "4"),
    ("There is no overlap, so the count is 4.", "4"), ("There is not a single circle.", "0"),
    ("The image shows 5 circles. There are no hidden ones.", "5"), ("The one on the left has 3", "3"), ("zero", "0"),
    # None or several.
    ("3 or 4", None), ("3-4", None), ("3/4", None), ("1, 2, 3", None), ("3,4", None), ("2*3", None), ("3²", None),
    ("½", None), ("A2", None), ("3rd", None), ("None of these", None), ("not 3", None),
    ("There are not 3 circles.", None),
    ("3 is wrong", None), ("more than 3", None), ("two hundred", None), ("2 dozen", None), ("no one", None),
    ("the one", None), ("someone", None), ("between 3 and 5", None), ("many", None), ("freight", None),
    ("No idea", None), ("There is no way to tell", None), ("No.", None), ("No valid answer", None),
    ("There is no visible image", None), ("There are no clear indications", None), ("No response", None),
    ("There are no more than 3 circles.", None), ("There are no fewer than three.", None),
    ("There are no red circles, only 3 blue ones.", None), ("at least 5", None), ("at most 5", None),
    ("up to 5", None), ("5 or more", None), ("5+", None), ("over 5", None),
)  # fmt: skip

WORD = (
    ("above", "above"), ("Above.", "above"), ("**above**", "above"), ("_above_", "above"),
    ("\\boxed{\\text{above}}", "above"), ("it is below the red box.", "below"), ("Top-left.", "top left"),
    ("top_left", "top left"), ("ＡＢＯＶＥ", "above"), ("The square is in the center.", "center"),
    ("It is below, not above.", "below"), ("not above but below", "below"), ("It isn't above; it is below.", "below"),
    ("Above. The circle is below the box.", "above"), ("Above\nThe circle is below.", "above"),
    ("The answer is above.", "above"), ("Answer: left", "left"), ("not above", None),
    ("It is not above the box.", None), ("above or below", None), ("above, below", None), ("Above. Below.", None),
    ("abovebelow", None), ("neither above nor below", None), ("middle", None), ("", None),
    ("top center or center", None), ("upper left", None), ("left center", None),
    ("It is right below the box.", "below"),
    ("It can't be above", None), ("rather than above", None), ("leftover", None),
)  # fmt: skip

POINT = (
    ("(0.62, 0.20)", "(0.62, 0.2)"), ("(0.62,0.20)", "(0.62, 0.2)"), ("[0.62, 0.2]", "(0.62, 0.2)"),
    ("0.62 0.2", "(0.62, 0.2)"), ("x=0.62, y=0.2", "(0.62, 0.2)"), ("x: .62\ny: .2", "(0.62, 0.2)"),
    ("y=0.2, x=0.62", "(0.62, 0.2)"), ('{"x": 0.62, "y": 0.2}', "(0.62, 0.2)"), ("**(0.62, 0.2)**", "(0.62, 0.2)"),
    ("\\boxed{(0.62, 0.2)}", "(0.62, 0.2)"), ("<point>0.62, 0.2</point>", "(0.62, 0.2)"),
    ("（０．６２，０．２）", "(0.62, 0.2)"), ("(0,62; 0,20)", "(0.62, 0.2)"), ("(0,62, 0,20)", "(0.62, 0.2)"),
    ("(62%, 20%)", "(0.62, 0.2)"), ("62 %, 20 %", "(0.62, 0.2)"), ("(0, 1)", "(0, 1)"),
    ("The centre of box 2 is (0.62, 0.2).", "(0.62, 0.2)"), ("(0.62, 0.2)\nIt is red.", "(0.62, 0.2)"),
    ("0.62", None), ("(0.62, 0.2, 0.1)", None), ("(0.1, 0.2) or (0.3, 0.4)", None), ("not (0.62, 0.2)", None),
    ("[0.1, 0.2, 0.3, 0.4]", None), ("top left", None),
)  # fmt: skip

READINGS = {
    "letter": (LETTERS, LETTER),
    "true_false": (None, TRUE_FALSE),
    "number": (None, NUMBER),
    "word": (WORDS, WORD),
    "point": (None, POINT),
}
