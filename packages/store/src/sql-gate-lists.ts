/**
 * What people's SQL may name.
 *
 * Functions are allowed by name, never by absence from a list of bad ones: an engine gains functions with every version.
 */

import { tableNames } from '@tapwarden/contracts/names'

export const allowedTables: ReadonlySet<string> = new Set([
  ...Object.values(tableNames).filter((name) => name !== tableNames.migrations),
  'v_transactions',
  'v_endpoints',
  'v_endpoint_schemas',
  'v_endpoint_redirects',
  'v_endpoints_by_minute',
  'v_endpoints_by_hour',
  'v_traffic_by_minute',
  'v_findings',
  'v_decisions',
  'v_decision_effects',
  'v_audit_log',
  'v_sensor_intervals',
])

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}

/** Lower case. They make rows from their arguments and from nothing else. */
export const allowedTableFunctions: ReadonlySet<string> = new Set(
  words('numbers numbers_mt zeros zeros_mt generate_series generateseries values sqlstandardvalues'),
)

/** Lower case. Pure functions of their arguments. */
export const allowedFunctions: ReadonlySet<string> = new Set(
  words(`
  plus minus multiply divide intdiv intdivorzero modulo moduloorzero positivemodulo negate abs gcd lcm max2 min2
  equals notequals less greater lessorequals greaterorequals isnotdistinctfrom isdistinctfrom
  and or not xor if multiif casewithexpression coalesce ifnull nullif isnull isnotnull assumenotnull tonullable iszeroornull
  in notin globalin globalnotin exists between
  tuple tupleelement untuple array arrayelement map lambda cast _cast accuratecast accuratecastornull accuratecastordefault
  reinterpret materialize identity ignore totypename bar
  exp exp2 exp10 log log2 log10 ln sqrt cbrt pow power sin cos tan asin acos atan atan2 sinh cosh tanh pi e sign
  round roundbankers floor ceil ceiling trunc truncate roundage roundduration roundtoexp2 rounddown
  bitand bitor bitxor bitnot bitshiftleft bitshiftright bittest bitcount bithammingdistance
  isnan isfinite isinfinite ifnotfinite greatest least widthbucket width_bucket
  tobool toint8 toint16 toint32 toint64 toint128 toint256 touint8 touint16 touint32 touint64 touint128 touint256
  tofloat32 tofloat64 todecimal32 todecimal64 todecimal128 tostring tofixedstring tolowcardinality touuid todate todate32
  todatetime todatetime32 todatetime64 toipv4 toipv6 tostringcuttozero
  toint8orzero toint16orzero toint32orzero toint64orzero touint8orzero touint16orzero touint32orzero touint64orzero
  tofloat32orzero tofloat64orzero todateorzero todatetimeorzero todatetime64orzero touuidorzero toipv4orzero toipv6orzero
  toint8ornull toint16ornull toint32ornull toint64ornull touint8ornull touint16ornull touint32ornull touint64ornull
  tofloat32ornull tofloat64ornull todateornull todatetimeornull todatetime64ornull touuidornull toipv4ornull toipv6ornull
  toint64ordefault touint64ordefault tofloat64ordefault toipv4ordefault toipv6ordefault
  tointervalnanosecond tointervalmicrosecond tointervalmillisecond tointervalsecond tointervalminute tointervalhour
  tointervalday tointervalweek tointervalmonth tointervalquarter tointervalyear
  parsedatetime parsedatetimeornull parsedatetimebesteffort parsedatetimebesteffortornull parsedatetimebesteffortorzero
  parsedatetime64besteffort parsedatetime64besteffortornull
  now now64 today yesterday toyear toquarter tomonth todayofyear todayofmonth todayofweek tohour tominute tosecond tomillisecond
  tounixtimestamp tounixtimestamp64milli tounixtimestamp64micro tounixtimestamp64nano
  fromunixtimestamp fromunixtimestamp64milli fromunixtimestamp64micro fromunixtimestamp64nano from_unixtime
  tostartofyear tostartofisoyear tostartofquarter tostartofmonth tostartofweek tostartofday tostartofhour tostartofminute
  tostartofsecond tostartoffiveminutes tostartoftenminutes tostartoffifteenminutes tostartofinterval tomonday tolastdayofmonth
  toisoyear toisoweek toweek toyearweek toyyyymm toyyyymmdd toyyyymmddhhmmss torelativedaynum torelativehournum
  totimezone timezone timezoneof todatewithtimezone datetrunc date_trunc datediff date_diff timestampdiff age
  dateadd date_add datesub date_sub timestampadd timestampsub addyears addquarters addmonths addweeks adddays addhours addminutes
  addseconds addmilliseconds addmicroseconds subtractyears subtractmonths subtractweeks subtractdays subtracthours
  subtractminutes subtractseconds formatdatetime date_format datename monthname timeslot timeslots
  length lengthutf8 char_length character_length empty notempty lower lcase lowerutf8 upper ucase upperutf8 reverse reverseutf8
  concat concat_ws concatwithseparator format substring substr mid substringutf8 substringindex left right leftutf8 rightutf8
  leftpad rightpad lpad rpad repeat space trim ltrim rtrim trimboth trimleft trimright startswith endswith
  appendtrailingcharifabsent initcap ascii char
  position locate positioncaseinsensitive positionutf8 positioncaseinsensitiveutf8 multisearchany multisearchanycaseinsensitive
  multisearchfirstindex multisearchallpositions hastoken hastokencaseinsensitive hastokenornull
  like notlike ilike notilike match multimatchany multimatchanyindex multimatchallindices extract extractall extractallgroups
  extractgroups regexpextract regexp_extract regexpquotemeta replace replaceone replaceall replaceregexpone replaceregexpall
  regexp_replace translate translateutf8 countsubstrings countsubstringscaseinsensitive countmatches ngramdistance ngramsearch
  editdistance levenshteindistance jarosimilarity jarowinklersimilarity stringjaccardindex damerauLevenshteinDistance
  splitbychar splitbystring splitbyregexp splitbywhitespace splitbynonalpha arraystringconcat ngrams tokens alphatokens
  base64encode base64decode trybase64decode hex unhex bin unbin encodeurlcomponent decodeurlcomponent encodeurlformcomponent
  decodeurlformcomponent encodexmlcomponent decodexmlcomponent extracttextfromhtml
  protocol domain domainwithoutwww topleveldomain firstsignificantsubdomain cuttofirstsignificantsubdomain port path pathfull
  querystring fragment querystringandfragment extracturlparameter extracturlparameters extracturlparameternames urlhierarchy
  urlpathhierarchy cutwww cutquerystring cutfragment cuturlparameter netloc
  ipv4numtostring ipv4stringtonum ipv6numtostring ipv6stringtonum ipv4toipv6 ipv4cidrtorange ipv6cidrtorange isipaddressinrange
  isipv4string isipv6string cutipv6 ipv4numtostringclassc ipv4stringtonumornull ipv6stringtonumornull
  cityhash64 siphash64 siphash128 xxhash32 xxhash64 xxh3 md5 sha1 sha224 sha256 sha512 crc32 crc64 farmhash64 farmfingerprint64
  murmurhash2_64 murmurhash3_64 inthash32 inthash64 halfmd5 javahash
  isvalidjson jsonhas jsonlength jsonkey jsontype jsonextract jsonextractuint jsonextractint jsonextractfloat jsonextractbool
  jsonextractstring jsonextractraw jsonextractarrayraw jsonextractkeysandvalues jsonextractkeysandvaluesraw jsonextractkeys
  json_exists json_query json_value simplejsonhas simplejsonextractstring simplejsonextractuint simplejsonextractint
  simplejsonextractraw simplejsonextractbool simplejsonextractfloat tojsonstring jsonarraylength json_array_length
  arraymap arrayfilter arrayfill arraysplit arrayfirst arrayfirstindex arraylast arraylastindex arrayfirstornull arraylastornull
  arrayexists arrayall arraycount arraysum arrayavg arraymin arraymax arrayproduct arraycumsum arraydifference arraysort
  arrayreversesort arraypartialsort arrayreverse arrayrotateleft arrayrotateright arraydistinct arrayuniq arrayenumerate
  arrayenumerateuniq arrayenumeratedense arrayjoin arrayconcat arrayslice arraypushback arraypushfront arraypopback arraypopfront
  arrayresize arrayflatten arraycompact arrayintersect arrayunion arrayzip arraywithconstant arrayjaccardindex arrayfold
  arrayshiftleft arrayshiftright emptyarraystring emptyarrayuint64 range has hasall hasany hassubstr indexof countequal flatten
  mapcontains mapcontainskey mapkeys mapvalues mapfilter mapapply mapadd mapsubtract mapupdate mapconcat mapexists mapall mapsort
  mapreversesort mapfromarrays tupleconcat tupletonamevaluepairs tuplehammingdistance
  transform formatreadablesize formatreadabledecimalsize formatreadablequantity formatreadabletimedelta
  rand rand32 rand64 randcanonical generateuuidv4
  neighbor runningdifference runningdifferencestartingwithfirstvalue runningaccumulate rownumberinallblocks rownumberinblock
  finalizeaggregation version currentdatabase
  row_number rank dense_rank denserank percent_rank percentrank cume_dist ntile lag lead laginframe leadinframe
  first_value last_value nth_value nonnegativederivative exponentialmovingaverage exponentialtimedecayedavg
  grouping
  `).map((name) => name.toLowerCase()),
)

/** Lower case, without combinators. */
export const allowedAggregates: ReadonlySet<string> = new Set(
  words(`
  count countdistinct sum sumwithoverflow sumkahan avg avgweighted min max any anylast any_value argmin argmax anyheavy uniq uniqexact uniqcombined
  uniqcombined64 uniqhll12 uniqtheta grouparray groupuniqarray grouparraysorted grouparraysample grouparraymovingavg grouparraymovingsum
  grouparraylast groupconcat string_agg array_agg groupbitand groupbitor groupbitxor groupbitmap
  quantile quantiles quantileexact quantilesexact quantiletiming quantilestiming quantiletdigest quantilestdigest quantileddsketch
  quantilesddsketch quantileexactweighted quantilesexactweighted quantiletdigestweighted quantilestdigestweighted quantilebfloat16 quantilesbfloat16
  quantiledeterministic quantileinterpolatedweighted median medianexact mediantdigest mediantiming
  stddevpop stddevsamp stddevpopstable stddevsampstable varpop varsamp varpopstable varsampstable covarpop covarsamp corr corrstable
  skewpop skewsamp kurtpop kurtsamp entropy topk topkweighted approx_top_k approx_top_count approx_top_sum
  summap minmap maxmap sumcount deltasum deltasumtimestamp
  histogram simplelinearregression cramersv contingency theilsu kolmogorovsmirnovtest mannwhitneyutest studentttest welchttest
  meanztest rankcorr exponentialmovingaverage boundingratio sequencematch sequencecount windowfunnel retention uniqupto
  maxintersections maxintersectionsposition singlevalueornull first_value last_value sparkbar intervallengthsum
  `),
)

/** Lower-case endings that make an aggregate of an aggregate. */
export const aggregateCombinators = [
  'if',
  'array',
  'map',
  'simplestate',
  'state',
  'mergestate',
  'merge',
  'foreach',
  'distinct',
  'ornull',
  'ordefault',
  'resample',
  'argmin',
  'argmax',
] as const

/** Names of output formats that write rows as text and read nothing (a Template format would read a file). */
export const allowedFormats: ReadonlySet<string> = new Set(
  words(`
  JSON JSONStrings JSONCompact JSONCompactStrings JSONEachRow JSONStringsEachRow JSONCompactEachRow JSONCompactEachRowWithNames
  JSONCompactEachRowWithNamesAndTypes JSONObjectEachRow JSONColumns JSONColumnsWithMetadata CSV CSVWithNames CSVWithNamesAndTypes
  TSV TSVRaw TSVWithNames TSVWithNamesAndTypes TabSeparated TabSeparatedRaw TabSeparatedWithNames TabSeparatedWithNamesAndTypes
  Pretty PrettyCompact PrettyCompactMonoBlock PrettySpace PrettyNoEscapes PrettyCompactNoEscapes Vertical Markdown Values SQLInsert
  XML Native RowBinary RowBinaryWithNames RowBinaryWithNamesAndTypes Null
  `),
)

/** Kinds of nodes in the engine's syntax tree that a SELECT is made of, and that hide no name from it. */
export const allowedNodes: ReadonlySet<string> = new Set([
  'SelectWithUnionQuery',
  'SelectIntersectExceptQuery',
  'SelectQuery',
  'ExpressionList',
  'Function',
  'Identifier',
  'TableIdentifier',
  'Literal',
  'Asterisk',
  'QualifiedAsterisk',
  'ColumnsTransformerList',
  'ColumnsExceptTransformer',
  'ColumnsReplaceTransformer',
  'ColumnsReplaceTransformer::Replacement',
  'ColumnsRegexpMatcher',
  'ColumnsListMatcher',
  'TablesInSelectQuery',
  'TablesInSelectQueryElement',
  'TableExpression',
  'TableJoin',
  'ArrayJoin',
  'Subquery',
  'WithElement',
  'OrderByElement',
  'InterpolateElement',
  'WindowDefinition',
  'WindowListElement',
  'SampleRatio',
])
