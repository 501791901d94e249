"""The words that sample data is made of: our own lists, in English and Chinese. None is a real brand or person."""

from dataclasses import dataclass

from service.core.actor import Role

DEMO_TENANT = "Demo platform"
DEMO_SHOP = "Xiaohe Skincare"
DEMO_SHOP_ZH = "小禾护肤"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody of the demonstration."""

    role: Role
    name: str
    email: str
    language: str = "en"


DEMO_PEOPLE = (
    DemoPerson(Role.BUYER, "Lin Yue", "buyer@fairhold.example"),
    DemoPerson(Role.BUYER, "周雨桐", "buyer2@fairhold.example", "zh"),
    DemoPerson(Role.BUYER, "Maya Osei", "buyer3@fairhold.example"),
    DemoPerson(Role.SELLER, "何小禾", "seller@fairhold.example", "zh"),
    DemoPerson(Role.MEDIATOR, "Ines Duarte", "mediator@fairhold.example"),
    DemoPerson(Role.MEDIATOR, "顾明远", "mediator2@fairhold.example", "zh"),
    DemoPerson(Role.SUPERVISOR, "Tomas Lind", "supervisor@fairhold.example"),
    DemoPerson(Role.REGULATOR, "沈清", "regulator@fairhold.example", "zh"),
    DemoPerson(Role.OPERATOR, "Ada Wirth", "operator@fairhold.example"),
    DemoPerson(Role.PLATFORM, "Demo platform's service", "platform@fairhold.example"),
)

# Brands are two or three of these, so that the English and the Chinese name belong together: Suyun 素芸.
SYLLABLES = (
    ("su", "素"), ("yun", "芸"), ("lan", "兰"), ("he", "禾"), ("qing", "清"), ("mei", "梅"), ("xin", "欣"),
    ("bai", "柏"), ("ning", "宁"), ("rui", "瑞"), ("jia", "嘉"), ("tian", "天"), ("hua", "华"), ("yue", "悦"),
    ("zhi", "芝"), ("ruo", "若"), ("mu", "木"), ("shan", "杉"), ("ling", "灵"), ("an", "安"), ("ya", "雅"),
    ("feng", "枫"), ("hai", "海"), ("yi", "怡"), ("chen", "晨"), ("lu", "露"), ("fei", "菲"), ("kang", "康"),
    ("le", "乐"), ("bo", "博"), ("man", "曼"), ("si", "思"), ("tong", "桐"), ("wei", "薇"), ("zhu", "竹"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ware:
    """A kind of goods: names, price in minor units of CNY, and how long it keeps."""

    category: str
    name_en: str
    name_zh: str
    price_min: int
    price_max: int
    keeps_days: int


WARES = (
    Ware("cosmetics", "Sheet Mask", "面膜", 3900, 16900, 1095),
    Ware("cosmetics", "Eye Cream", "眼霜", 6900, 39900, 1095),
    Ware("cosmetics", "Cleansing Milk", "洁面乳", 2900, 12900, 1095),
    Ware("cosmetics", "Lip Balm", "润唇膏", 1500, 6900, 1095),
    Ware("cosmetics", "Sun Lotion", "防晒乳", 4900, 18900, 900),
    Ware("cosmetics", "Face Serum", "精华液", 9900, 58000, 1095),
    Ware("food", "Walnut Paste", "核桃酱", 2500, 8900, 365),
    Ware("food", "Honey", "蜂蜜", 3900, 15900, 720),
    Ware("food", "Oat Biscuits", "燕麦饼干", 1200, 4900, 240),
    Ware("food", "Green Tea", "绿茶", 5900, 48000, 540),
    Ware("supplement", "Vitamin C Tablets", "维生素C片", 3900, 19900, 730),
    Ware("supplement", "Probiotic Powder", "益生菌粉", 6900, 29900, 545),
    Ware("supplement", "Calcium Gummies", "钙软糖", 4900, 15900, 545),
    Ware("drug", "Cooling Ointment", "清凉膏", 1800, 6900, 1095),
    Ware("device", "Ear Thermometer", "耳温枪", 9900, 39900, 1825),
    Ware("device", "Wrist Monitor", "腕式血压计", 15900, 48000, 1825),
    Ware("clothing", "Baby Romper", "婴儿连体衣", 4900, 15900, 3650),
    Ware("toy", "Building Blocks", "积木", 3900, 25900, 3650),
    Ware("electronics", "Night Light", "小夜灯", 2900, 12900, 3650),
    Ware("household", "Dish Soap", "洗洁精", 1500, 4900, 1095),
)
QUALITIES = (
    ("Hydrating", "补水"), ("Gentle", "温和"), ("Brightening", "亮肤"), ("Rose", "玫瑰"), ("Herbal", "草本"),
    ("Daily", "每日"), ("Classic", "经典"), ("Children's", "儿童"), ("Fresh", "清新"), ("Mountain", "高山"),
    ("Pure", "纯净"), ("Soft", "柔护"), ("Night", "夜间"), ("Travel", "便携"), ("Family", "家庭装"),
)  # fmt: skip
SHOP_WORDS = (
    ("Select", "优选"), ("Little Shop", "小铺"), ("Life Hall", "生活馆"), ("Corner", "小站"), ("Market", "集市"),
    ("Mama's Choice", "宝妈严选"), ("Warehouse", "仓库店"), ("Studio", "工作室"),
)  # fmt: skip
SURNAMES = (
    ("Lin", "林"), ("Zhou", "周"), ("Chen", "陈"), ("Wu", "吴"), ("He", "何"), ("Gao", "高"), ("Liang", "梁"),
    ("Song", "宋"), ("Tang", "唐"), ("Xu", "许"), ("Deng", "邓"), ("Han", "韩"), ("Feng", "冯"), ("Cao", "曹"),
)  # fmt: skip
GIVEN = (
    ("Yue", "悦"), ("Yutong", "雨桐"), ("Jing", "静"), ("Hao", "浩"), ("Mengqi", "梦琪"), ("Ziyu", "子瑜"),
    ("Rui", "睿"), ("Shan", "珊"), ("Wenbo", "文博"), ("Xinyi", "欣怡"), ("Ke", "可"), ("Lei", "磊"),
    ("Anqi", "安琪"), ("Kai", "凯"), ("Min", "敏"), ("Siyuan", "思远"),
)  # fmt: skip
WESTERN = (
    "Maya Osei", "Jonas Weber", "Clara Nunes", "Peter Holm", "Aisha Rahman", "Luca Ferri", "Ewa Nowak", "Sam Carter",
    "Noor Haddad", "Elena Petrova", "Ruth Adeyemi", "Marco Silva",
)  # fmt: skip
AREAS = ("330100", "310000", "440300", "510100", "110000", "320500", "420100", "350200")

# Characters that typists take for one another: same sound or nearly the same strokes.
HAN_SLIPS = {"膜": "模", "芸": "云", "霜": "双", "液": "夜", "乳": "如", "芝": "之", "兰": "蓝", "禾": "和", "桐": "铜"}
LOT_SLIPS = {"0": "O", "1": "I", "5": "S", "8": "B", "2": "Z", "O": "0", "I": "1", "S": "5", "B": "8"}
